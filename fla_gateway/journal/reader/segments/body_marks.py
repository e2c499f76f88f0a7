"""State: which hashes of bodies came more than once, in memory that is the same for every journal.

Owns the marks, a Bloom filter: what came again is never missed, and another hash looks like it by chance at times, the
more so the fuller the marks are. Refuses to decide what is a repetition: `repetitions` compares the exchanges.
"""

from __future__ import annotations

import sys
from array import array
from binascii import unhexlify
from collections.abc import Iterable
from itertools import combinations
from typing import Final

# Within a text of a line these quotes would have a backslash before them.
BODY: Final = b'"body":"'
"""What is before a hash."""

_DIGITS: Final = 16
_USED: Final = 8
"""Digits that choose the marks, 32 bits: 23 for a word, the others for three bits of its sixteen."""
_CHOOSING: Final = 511
_MASKS: Final = tuple(sum(1 << bit for bit in bits) for bits in combinations(range(16), 3))[: _CHOOSING + 1]
_WORDS: Final = 23
"""Binary logarithm of the words: 16 MiB for what came, and as much for what came again."""


class BodyMarks:
    """The hashes of a journal; of ten million declarations one in a hundred looks as if it had come again.

    Args:
        size: binary logarithm of the words of each of two tables.
    """

    def __init__(self, size: int = _WORDS) -> None:
        self._shift = 32 - size
        self._once, self._again = (array("H", bytes(2 << size)) for _ in range(2))

    def note(self, lines: bytes) -> None:
        """Note the hashes of the next lines, without reading them as JSON."""
        once, again, shift, masks = self._once, self._again, self._shift, _MASKS
        for number in _numbers(_bodies_in(lines)):
            index, bits = number >> shift, masks[number & _CHOOSING]
            if once[index] & bits == bits:
                again[index] |= bits
            else:
                once[index] |= bits

    def again(self, lines: bytes) -> set[bytes]:
        """Return which hashes of some lines came more than once, or by chance look so."""
        again, shift, masks = self._again, self._shift, _MASKS
        bodies = _bodies_in(lines)
        return {
            body
            for body, number in zip(bodies, _numbers(bodies), strict=True)
            if not ~again[number >> shift] & masks[number & _CHOOSING]
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
