"""Request ids: random UUIDs (RFC 9562, version 4), cheap enough for one per request.

Owns the drawing of ids. Refuses to know what they name: an exchange, and BelGov-Trace-Id where the caller sent none.
"""

from __future__ import annotations

import os
from typing import Final

_BATCH: Final = 256
# RFC 9562, section 4.1: the two highest bits of octet 8 are 1 and 0.
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class RequestIds:
    """Draws ids from the system's random numbers, a page at a time."""

    __slots__ = ("_ready",)

    def __init__(self) -> None:
        self._ready: list[str] = []

    def draw(self) -> str:
        """Return a new id, 36 characters in lower case."""
        if not self._ready:
            text = os.urandom(_BATCH * 16).hex()
            self._ready = [_uuid(text[start : start + 32]) for start in range(0, len(text), 32)]
        return self._ready.pop()


def second_trace_id(request_id: str) -> str:
    """Return the BelGov-Trace-Id of a second attempt: the request id with its last digit one higher, ``0`` after ``f``.

    It is derived from the request id, so that it can be reported for a request whose outcome was never written.
    """
    return f"{request_id[:-1]}{(int(request_id[-1], 16) + 1) % 16:x}"


def _uuid(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"
