"""Redaction as a type: a secret is shown only where code calls `reveal()`.

Owns the one wrapper for passwords, tokens and proxy credentials. Refuses to know what the secret is for.
"""

from __future__ import annotations

import hmac
from typing import Final, NoReturn

REDACTED: Final = "[secret]"


class Secret:
    """A text that no log line, error, repr, format or pickle can show.

    Equality takes constant time; the hash is the identity's, so that a secret cannot be guessed through a set.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself. Every call of this method is a place for a reviewer to look at."""
        return self._text

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # Octets that are no UTF-8 come from the environment as lone surrogates.
        mine, theirs = (text.encode("utf-8", "surrogatepass") for text in (self._text, other._text))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")
