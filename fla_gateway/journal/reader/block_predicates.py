"""Rule: what a question wants, as bytes that a block must have.

Owns how each filter is found in lines as the writer makes them. Refuses to decide alone: a hit is read and judged again
by the filter itself, so that a predicate may choose too much and never too little.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from fla_gateway.journal.reader.filters import Selection
from fla_gateway.journal.reader.segments.block import Block
from fla_gateway.journal.reader.segments.block_filter import Predicate
from fla_gateway.journal.reader.segments.body_marks import BODY, BodyMarks, body_at

CALLER_ERROR: Final = b"4"
SERVER_ERROR: Final = b"5"
"""First digit of the status codes from which an answer is trouble."""

_FEW: Final = 2
"""Hashes that are looked for one by one; of more, each hash of the block is looked at."""
_STATUS: Final = b'"status":'
_ANSWERED: Final = b'"outcome":"answered"'
_SUCCESSES: Final = tuple(
    b'"status":%d,"origin":"upstream","code":"","outcome":"answered"' % status for status in (200, 201, 204, 202)
)
"""What nearly every outcome has that is an answer; the last word is that of `_ANSWERED`."""
_NEAR: Final = 64
"""Bytes before the place of a status where it is looked for first."""


class Everything:
    """Every line."""

    def hits(self, block: Block) -> Sequence[int] | None:  # noqa: ARG002 - see `Predicate`
        """See `Predicate`."""
        return None


class Nothing:
    """No line of an exchange that is over within one block."""

    def hits(self, block: Block) -> Sequence[int] | None:  # noqa: ARG002 - see `Predicate`
        """See `Predicate`."""
        return ()


class Containing:
    """Lines with certain bytes.

    Args:
        needles: the bytes; one of them is enough.
    """

    def __init__(self, *needles: bytes) -> None:
        self._needles = needles

    def hits(self, block: Block) -> Sequence[int] | None:
        """See `Predicate`."""
        return [place for needle in self._needles for place in _places(block.raw, needle)]


class Troubled(NamedTuple):
    """Outcomes that are not an answer below a status.

    Attributes:
        digit: `CALLER_ERROR` or `SERVER_ERROR`.
    """

    digit: bytes

    def hits(self, block: Block) -> Sequence[int] | None:
        """See `Predicate`."""
        # In each line, not counted in the block: a line of another kind that has the words must not make up for one.
        lines = block.outcome_lines()
        # What is before is much the same in all lines; where it is longer, the whole line is searched.
        near = max(lines[0].find(_STATUS) - _NEAR, 0) if lines else 0
        odd = lines
        for success in _SUCCESSES:
            odd = [it for it in odd if it.find(success, near) < 0]
        if not any(map(self._is_troubled, odd)):
            return ()
        return [start for line, start in zip(lines, block.outcome_starts(), strict=True) if self._is_troubled(line)]

    def _is_troubled(self, line: bytes) -> bool:
        status = line.find(_STATUS) + len(_STATUS)
        return line[status : status + 1] >= self.digit or _ANSWERED not in line


class Bodies(NamedTuple):
    """Lines with a hash of a body that came more than once.

    Attributes:
        marks: of all bodies.
    """

    marks: BodyMarks

    def hits(self, block: Block) -> Sequence[int] | None:
        """See `Predicate`."""
        again = self.marks.again(block.raw)
        if len(again) <= _FEW:
            return Containing(*(BODY + body for body in again)).hits(block)
        return [place for place in _places(block.raw, BODY) if body_at(block.raw, place) in again]


class Counting(NamedTuple):
    """Outcomes that are trouble for a caller, in a period; what is passed over is then all within the period, or not.

    Attributes:
        since: as in `Selection`.
        until: as in `Selection`.
    """

    since: str
    until: str

    def hits(self, block: Block) -> Sequence[int] | None:
        """See `Predicate`."""
        if block.ends is None:
            return None
        first, last = sorted((block.ends.since, block.ends.time))
        if last < self.since or (self.until and first >= self.until):
            return ()
        if first < self.since or (self.until and last >= self.until):
            return None
        return Troubled(CALLER_ERROR).hits(block)


class NotBefore(NamedTuple):
    """Every line from about a number on.

    Attributes:
        seq: the number.
    """

    seq: int

    def hits(self, block: Block) -> Sequence[int] | None:
        """See `Predicate`."""
        return () if block.ends is not None and block.ends.last < self.seq else None


class Between(NamedTuple):
    """What is wanted in a period.

    Attributes:
        predicate: what is wanted.
        since: as in `Selection`.
        until: as in `Selection`.
    """

    predicate: Predicate
    since: str
    until: str

    def hits(self, block: Block) -> Sequence[int] | None:
        """See `Predicate`."""
        if block.ends is not None:
            first, last = sorted((block.ends.since, block.ends.time))
            if last < self.since or (self.until and first >= self.until):
                return ()
        return self.predicate.hits(block)


def predicate_of(selection: Selection) -> Predicate:
    """Return what a selection wants: by the filter that leaves out most."""
    predicate = _most_selective(selection)
    return Between(predicate, selection.since, selection.until) if selection.since or selection.until else predicate


def _most_selective(selection: Selection) -> Predicate:
    if selection.identity:
        return Containing(_member("id", selection.identity))
    if selection.masks:
        return Containing(*(mask.encode() for mask in selection.masks))
    if selection.body:
        return Containing(_member("body", selection.body))
    if selection.reference:
        return Containing(json.dumps(selection.reference)[1:-1].encode())
    if selection.in_doubt or selection.settled:
        return Troubled(SERVER_ERROR)
    for name in ("outcome", "caller", "profile"):
        if value := getattr(selection, name):
            return Containing(_member(name, value))
    return Everything()


def _member(name: str, value: str) -> bytes:
    return f'"{name}":{json.dumps(value)}'.encode()


def _places(raw: bytes, needle: bytes) -> Iterator[int]:
    place = raw.find(needle)
    while place >= 0:
        yield place
        place = raw.find(needle, place + 1)
