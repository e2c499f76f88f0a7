"""Requests that a browser sends: the checks of Host and Origin, and CORS."""
