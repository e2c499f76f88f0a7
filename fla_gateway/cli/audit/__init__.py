"""`fla-gateway audit ...`: what was sent for which caller."""

SUMMARY = "show, verify and export the audit journal"
