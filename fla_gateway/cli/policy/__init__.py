"""`fla-gateway policy ...`: what callers may do."""

from fla_gateway.i18n.message import Text

SUMMARY = Text("propose what callers may do")
