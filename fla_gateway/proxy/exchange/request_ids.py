"""Request ids: random UUIDs (RFC 9562, version 4), cheap enough for one per request.

Owns the drawing of ids. Refuses to know what they name: an exchange, and BelGov-Trace-Id where the caller sent none.
"""

from __future__ import annotations

import os
from typing import Final

_BATCH: Final = 256
_FORM: Final = b"xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx"
_LENGTH: Final = len(_FORM)
_COLUMNS: Final = [at for at, sign in enumerate(_FORM) if sign != ord("-")]
_VERSION: Final = _FORM.index(b"4")
_VARIANT: Final = _FORM.index(b"v")
# RFC 9562, section 4.1: the two highest bits of octet 8 are 1 and 0.
_AS_VARIANT: Final = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)


class RequestIds:
    """Draws ids from the system's random numbers, a page at a time."""

    __slots__ = ("_ready",)

    def __init__(self) -> None:
        self._ready: list[str] = []

    def draw(self) -> str:
        """Return a new id, 36 characters in lower case."""
        if not self._ready:
            self._ready = _batch()
        return self._ready.pop()


def second_trace_id(request_id: str) -> str:
    """Return the BelGov-Trace-Id of a second attempt: the request id with its last digit one higher, ``0`` after ``f``.

    It is derived from the request id, so that it can be reported for a request whose outcome was never written.
    """
    return f"{request_id[:-1]}{(int(request_id[-1], 16) + 1) % 16:x}"


def _batch() -> list[str]:
    """Return a page of ids. They are written below each other, column by column: one digit of all of them at a time."""
    digits = os.urandom(_BATCH * 16).hex().encode()
    page = bytearray(_FORM * _BATCH)
    for number, column in enumerate(_COLUMNS):
        page[column::_LENGTH] = digits[number::32]
    page[_VERSION::_LENGTH] = b"4" * _BATCH
    page[_VARIANT::_LENGTH] = page[_VARIANT::_LENGTH].translate(_AS_VARIANT)
    text = page.decode()
    return [text[at : at + _LENGTH] for at in range(0, len(text), _LENGTH)]
