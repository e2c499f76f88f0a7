"""`fla-gateway audit ...`: what was sent for which caller."""

SUMMARY = "ask, verify and export the audit journal"
