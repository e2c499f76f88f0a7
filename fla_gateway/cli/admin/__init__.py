"""`fla-gateway admin ...`: who may see the status page."""

SUMMARY = "make the key of the status page"
