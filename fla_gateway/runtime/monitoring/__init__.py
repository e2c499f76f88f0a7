"""Telemetry, metrics, status and the admin listener of the process."""
