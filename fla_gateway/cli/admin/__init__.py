"""`fla-gateway admin ...`: who may see the status page."""

from fla_gateway.i18n.message import Text

SUMMARY = Text("make the key of the status page")
