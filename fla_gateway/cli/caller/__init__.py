"""`fla-gateway caller ...`: who may call."""

from fla_gateway.i18n.message import Text

SUMMARY = Text("make the keys of those who may call")
