"""`fla-gateway audit ...`: what was sent for which caller."""

from fla_gateway.i18n.message import Text

SUMMARY = Text("ask, verify and export the audit journal")
