"""Rule: the form of an API key, and its digest.

Owns what a key looks like, how one is made, and the name by which records refer to it. Refuses to know whose it is.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Final

PREFIX: Final = "flagw_"
"""Recognisable, so that scanners of repositories and mail find a key that slipped out."""

_SECRET_BYTES: Final = 32
_ID_DIGITS: Final = 8
_FORM: Final = re.compile(rf"{PREFIX}[0-9a-f]{{{2 * _SECRET_BYTES}}}").fullmatch


def new_key() -> str:
    """Make a key: 256 random bits, in ASCII."""
    return PREFIX + secrets.token_hex(_SECRET_BYTES)


def is_key(text: str) -> bool:
    """Return whether a text has the form of a key; no other text is ever taken for one."""
    return _FORM(text) is not None


def digest(key: str) -> str:
    """Return the SHA-256 of a key's whole text, in lower-case hexadecimal digits, as ``sha256sum`` does.

    A plain hash is enough, since a key of 256 random bits cannot be guessed; passwords never come here.
    """
    return sha256(key.encode()).hexdigest()


def key_id(sha256: str) -> str:
    """Return the name of a key in records, logs and on pages: the first eight digits of its digest.

    Args:
        sha256: as `digest` returns it.
    """
    return sha256[:_ID_DIGITS]
