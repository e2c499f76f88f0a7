"""The caller's connection."""
