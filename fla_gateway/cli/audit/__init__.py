"""`fla-gateway audit ...`: what was sent for whom."""

SUMMARY = "show, verify and export the audit journal"
