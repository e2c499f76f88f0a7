"""`fla-gateway alert ...`: alerts by mail and webhook."""

from fla_gateway.i18n.message import Text

SUMMARY = Text("alerts by mail and webhook")
