"""Rule: a broken rule of HTTP becomes a text that can be translated.

Owns that alone, since `http1` knows nothing of texts. Refuses to know which message broke it.
"""

from __future__ import annotations

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.i18n.message import Text, text_from


def broken_rule(error: ProtocolError) -> Text:
    """Return the rule as a clause."""
    arguments = {
        name: broken_rule(value) if isinstance(value, ProtocolError) else value
        for name, value in error.arguments.items()
    }
    return text_from(error.template, arguments)
