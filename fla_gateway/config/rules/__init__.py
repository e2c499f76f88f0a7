"""Rules between the tables of a configuration."""
