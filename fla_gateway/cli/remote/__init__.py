"""Asking a running gateway, at its admin listener."""
