"""Value: the name of a segment, and with it its place in the journal.

Owns the form of the name. Refuses to know the content of the file: a journal is its segments in the order of their
numbers, whatever else is in the directory.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

LOCK: Final = "lock"
"""File that the one writer holds locked."""
MASK_KEY: Final = "mask.key"
"""File with the key of masked paths and of token hashes."""

# Eight digits, so that a listing in the order of names is the journal's order.
_NAME: Final = re.compile(r"([0-9]{8})-([0-9]{8})\.jsonl", re.ASCII)


class Segment(NamedTuple):
    """A segment's name, as in ``00000001-20261123.jsonl``; sorts in the journal's order.

    Attributes:
        number: 1, 2, 3 ...
        day: UTC day of its beginning, as ``20261123``.
    """

    number: int
    day: str

    @property
    def name(self) -> str:
        """Name of the file."""
        return f"{self.number:08d}-{self.day}.jsonl"

    @property
    def date(self) -> date:
        """UTC day of its beginning."""
        return date(int(self.day[:4]), int(self.day[4:6]), int(self.day[6:]))


def parse(name: str) -> Segment | None:
    """Read the name of a file; None for one that is no segment."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    segment = Segment(int(found[1]), found[2])
    try:
        segment.date  # noqa: B018 - asked for the error: 20261345 is no day
    except ValueError:
        return None
    return segment if segment.number else None


def date_of(when: float) -> date:
    """Give the UTC day of a moment in epoch seconds."""
    return datetime.fromtimestamp(when, UTC).date()


def day_of(when: float) -> str:
    """Give it as a segment's name has it."""
    return f"{date_of(when):%Y%m%d}"
