"""Values: what reading a journal finds.

Owns the words between who reads the files and who judges them. Refuses to know how either is done.
"""

from __future__ import annotations

from typing import NamedTuple

from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.line_format import Line


class Place(NamedTuple):
    """Where a line is.

    Attributes:
        file: name of the segment's file.
        line: its number in the file, from 1; 0 for the file as a whole.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class SegmentStart(NamedTuple):
    """A segment's file begins.

    Attributes:
        place: the file.
        number: the number in its name.
    """

    place: Place
    number: int


class Entry(NamedTuple):
    """A line that could be read."""

    place: Place
    line: Line


class Damaged(NamedTuple):
    """Bytes that are no line of a journal.

    Attributes:
        place: where they are.
        reason: what is wrong with them; quotes none of them.
        head: their hash, as `format.line_format.head_of` gives it, so that the next line can still be judged.
    """

    place: Place
    reason: Text
    head: str


class Torn(NamedTuple):
    """The last line of a segment has no line break: it was never written whole, or is being written.

    The writer cuts it off before it goes on; where it cannot, it goes on in another segment from the line before.

    Attributes:
        place: where it is.
        size: its bytes.
    """

    place: Place
    size: int


class Lines(NamedTuple):
    """Whole lines that were not looked into.

    Attributes:
        file: name of the segment's file.
        raw: their bytes; the last one is a line break.
    """

    file: str
    raw: bytes


class Passed(NamedTuple):
    """Lines that are there one after the other, and that the question does not need.

    Attributes:
        first: number of the first one.
        last: number of the last one.
        time: of the last one; empty where another line of the same block follows.
        since: of the first line of the block.
        outcomes: outcomes among them, and among those of the block that were passed before.
        intents: intents, in the same way.
    """

    first: int
    last: int
    time: str = ""
    since: str = ""
    outcomes: int = 0
    intents: int = 0


Found = SegmentStart | Entry | Damaged | Torn
Wanted = Found | Passed
"""Where not every line is read."""
