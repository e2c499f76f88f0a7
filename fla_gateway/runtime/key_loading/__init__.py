"""Loading the keys of a configuration in child processes."""
