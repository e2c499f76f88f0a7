"""Identifies the caller of a request, and decides what it may do."""
