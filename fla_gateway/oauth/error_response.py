"""Rule: what may be quoted from a token server's answer.

Owns the scrubbing of foreign text. Refuses to know how the quoted text was found.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.secret import Secret

_UNQUOTABLE: Final = re.compile(r"[^\x20-\x7E\u00A1-\u024F]+")
"""Everything but printable ASCII and the letters of the country's languages; bidirectional controls go as well."""
_JWT: Final = re.compile(r"eyJ[\w-]{4,}", re.ASCII)
"""The beginning of any JWT: the base64url of an opening brace and a quotation mark."""
_RUN: Final = re.compile(r"[\w-]{40,}|[\w\-./+=~]{64,}", re.ASCII)
"""Runs of characters that no sentence has, and that may be a token."""
_WINDOW: Final = 16
"""Characters in a row that a quotation may not share with the assertion."""


def printable(text: object, most: int) -> str:
    """Make foreign text fit for one line: printable, single spaces, bounded; empty if it is no text."""
    if not isinstance(text, str):
        return ""
    return " ".join(_UNQUOTABLE.sub(" ", text[: 4 * most]).split())[:most]


def quotable(text: str, assertion: Secret) -> str:
    """Give the text back, or nothing at all if it might repeat the assertion or another secret."""
    squeezed = "".join(text.split())
    if _JWT.search(squeezed) or _RUN.search(text):
        return ""
    sent = assertion.reveal()
    pieces = (squeezed[at : at + _WINDOW] for at in range(len(squeezed) - _WINDOW + 1))
    return "" if any(piece in sent for piece in pieces) else text
