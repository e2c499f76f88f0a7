"""Signing a client assertion."""
