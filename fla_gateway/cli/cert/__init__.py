"""`fla-gateway cert ...`: certificates from the first to the next."""

from fla_gateway.i18n.message import Text

SUMMARY = Text("make, look at and replace certificates")
