"""One call, made by hand: what is sent, what comes back, and where the time went."""
