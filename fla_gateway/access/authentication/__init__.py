"""Who calls: what a request proves, and which caller of the configuration it proves."""
