"""The authorization server that the sandbox plays."""
