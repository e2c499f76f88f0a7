"""Connections to the API: connecting, pooling, reading responses."""
