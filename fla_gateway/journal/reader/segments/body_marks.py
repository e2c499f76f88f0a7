"""State: which hashes of bodies came more than once, in memory that is the same for every journal.

Owns the marks, a Bloom filter: what came again is never missed, and another hash looks like it by chance at times, the
more so the fuller the marks are. As long as those that look so are few, each is known by itself. Refuses to decide what
is a repetition: `repetitions` compares the exchanges.
"""

from __future__ import annotations

import re
import sys
from array import array
from binascii import hexlify, unhexlify
from collections.abc import Iterable
from itertools import combinations
from typing import Final, NamedTuple

# Within a text of a line these quotes would have a backslash before them.
BODY: Final = b'"body":"'
"""What is before a hash."""

_DIGITS: Final = 16
_BITS: Final = 64
_CHOOSING: Final = 511
"""Of the bits of a hash 23 choose a word, and nine others three bits of its sixteen."""
_MASKS: Final = tuple(sum(1 << bit for bit in bits) for bits in combinations(range(16), 3))[: _CHOOSING + 1]
_MOST_SUSPECTS: Final = 100_000
"""Some twelve megabytes; of ten million declarations a third as many look as if they had come again."""
_IS_HASH: Final = re.compile(rb"[0-9A-Fa-f]{16}").fullmatch
_WORDS: Final = 23
"""Binary logarithm of the words: 16 MiB for what came, and as much for what came again."""


class BodyMarks:
    """The hashes of a journal; of ten million declarations one in a hundred looks as if it had come again.

    Args:
        size: binary logarithm of the words of each of two tables.
        most: hashes that are known by themselves.

    Attributes:
        suspects: what came again, or by chance looks so; None where that is more than `most`.
    """

    def __init__(self, size: int = _WORDS, most: int = _MOST_SUSPECTS) -> None:
        self._shift = _BITS - size
        self._most = most
        self.suspects: set[int] | None = set()
        self._once, self._again = (array("H", bytes(2 << size)) for _ in range(2))

    def note(self, lines: bytes) -> array[int]:
        """Note the hashes of the next lines, without reading them as JSON; return them."""
        numbers, more = numbers_in(lines), []
        once, again, shift, masks = self._once, self._again, self._shift, _MASKS
        for number in numbers:
            index, bits = number >> shift, masks[number & _CHOOSING]
            if once[index] & bits == bits:
                again[index] |= bits
                more.append(number)
            else:
                once[index] |= bits
        if more and self.suspects is not None:
            self.suspects.update(more)
            if len(self.suspects) > self._most:
                self.suspects = None
        return numbers

    def again(self, lines: bytes) -> set[bytes]:
        """Return which hashes of some lines came more than once, or by chance look so."""
        again, shift, masks = self._again, self._shift, _MASKS
        found = {it for it in numbers_in(lines) if not ~again[it >> shift] & masks[it & _CHOOSING]}
        return written(found)


class BodySet(NamedTuple):
    """Hashes that are known by themselves.

    Attributes:
        hashes: as numbers.
    """

    hashes: frozenset[int]

    def again(self, lines: bytes) -> set[bytes]:
        """Return which of them some lines have."""
        return written(self.hashes.intersection(numbers_in(lines)))


def written(numbers: Iterable[int]) -> set[bytes]:
    """Return hashes as a line has them."""
    return {hexlify(number.to_bytes(_BITS // 8, sys.byteorder)) for number in numbers}


def body_at(raw: bytes, place: int) -> bytes:
    """Return the hash at a place that has `BODY`."""
    begin = place + len(BODY)
    return raw[begin : begin + _DIGITS]


def numbers_in(lines: bytes) -> array[int]:
    """Return the hashes of lines as numbers; what only looks like one is left out."""
    # From behind, which takes half the time: the search forward makes a table for each piece.
    bodies = [piece[:_DIGITS] for piece in lines.rsplit(BODY)[1:]]
    digits = b"".join(bodies)
    try:
        if len(digits) == _DIGITS * len(bodies):
            return array("Q", unhexlify(digits))
    except ValueError:
        pass
    return array("Q", unhexlify(b"".join(filter(_IS_HASH, bodies))))
