"""State: which hashes of bodies came more than once, in memory that is the same for every journal.

Owns the marks, a Bloom filter: what came again is never missed, and another hash looks like it by chance at times, the
more so the fuller the marks are. Refuses to decide what is a repetition: `repetitions` compares the exchanges.
"""

from __future__ import annotations

import sys
from array import array
from binascii import unhexlify
from collections.abc import Iterable
from typing import Final

# Within a text of a line these quotes would have a backslash before them.
BODY: Final = b'"body":"'
"""What is before a hash."""

_DIGITS: Final = 16
_USED: Final = 8
"""Digits that choose the marks, 32 bits: 24 for a byte, the others for two bits of it."""
_BITS: Final = tuple(1 << (low & 7) | 1 << ((low & 7) + 1 + (low >> 3) % 7) % 8 for low in range(256))
_BYTES: Final = 24
"""Binary logarithm of the bytes: 16 MiB for what came, and as much for what came again."""


class BodyMarks:
    """The hashes of a journal; of ten million declarations one in fifty looks as if it had come again.

    Args:
        size: binary logarithm of the bytes of each of two tables.
    """

    def __init__(self, size: int = _BYTES) -> None:
        self._shift = 32 - size
        self._once, self._again = bytearray(1 << size), bytearray(1 << size)

    def note(self, lines: bytes) -> None:
        """Note the hashes of the next lines, without reading them as JSON."""
        once, again, shift, all_bits = self._once, self._again, self._shift, _BITS
        for number in _numbers(_bodies_in(lines)):
            index, bits = number >> shift, all_bits[number & 255]
            if once[index] & bits == bits:
                again[index] |= bits
            else:
                once[index] |= bits

    def again(self, lines: bytes) -> set[bytes]:
        """Return which hashes of some lines came more than once, or by chance look so."""
        again, shift, all_bits = self._again, self._shift, _BITS
        bodies = _bodies_in(lines)
        return {
            body
            for body, number in zip(bodies, _numbers(bodies), strict=True)
            if not ~again[number >> shift] & all_bits[number & 255]
        }


def body_at(raw: bytes, place: int) -> bytes:
    """Return the hash at a place that has `BODY`."""
    begin = place + len(BODY)
    return raw[begin : begin + _DIGITS]


def _bodies_in(raw: bytes) -> list[bytes]:
    # From behind, which takes half the time: the search forward makes a table for each piece.
    return [piece[:_DIGITS] for piece in raw.rsplit(BODY)[1:]]


def _numbers(bodies: list[bytes]) -> Iterable[int]:
    """Return the beginnings of hashes as numbers; what is none is 0, and may look as if it had come again."""
    digits = b"".join([body[:_USED] for body in bodies])
    try:
        if len(digits) == _USED * len(bodies):
            return array("I", unhexlify(digits))
    except ValueError:
        pass
    return [int.from_bytes(_bytes_of(body[:_USED]), sys.byteorder) for body in bodies]


def _bytes_of(digits: bytes) -> bytes:
    try:
        return unhexlify(digits)
    except ValueError:
        return b""
