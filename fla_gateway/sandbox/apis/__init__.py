"""The APIs that the sandbox plays."""
