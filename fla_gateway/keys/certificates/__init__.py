"""Certificates: which belongs to a key, and the rules of the channel."""
