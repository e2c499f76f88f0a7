"""Construction of the parts of a gateway out of a configuration."""
