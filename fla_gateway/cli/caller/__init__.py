"""`fla-gateway caller ...`: who may call."""

SUMMARY = "make the keys of those who may call"
