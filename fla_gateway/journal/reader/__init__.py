"""Reading a journal beside the gateway that writes it: the newer half of what will be here."""
