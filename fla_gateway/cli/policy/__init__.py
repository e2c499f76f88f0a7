"""`fla-gateway policy ...`: what callers may do."""

SUMMARY = "propose what callers may do"
