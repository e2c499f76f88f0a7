"""Rule: which segments are old enough to go.

Owns the order: the oldest first and without a gap, so that what is left still verifies from its first segment on.
Refuses to remove anything, and to look at the segment that is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from fla_gateway.journal.format.segment_name import Segment

MOST_AT_ONCE: Final = 200
"""Segments named in one record, so that its line stays readable."""


class Contents(NamedTuple):
    """What a segment holds.

    Attributes:
        segment: its name.
        first_seq: number of its first line, 0 where that cannot be read.
        last_seq: number of its last line.
        head: hash of its last line; empty without any.
        time: of its last line, as the journal writes it; empty where that cannot be read.
    """

    segment: Segment
    first_seq: int
    last_seq: int
    head: str
    time: str

    def members(self) -> dict[str, Any]:
        """Give what the record of retention says of it."""
        return {
            "segment": self.segment.number,
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "head": self.head,
        }


def outdated(
    segments: Sequence[Segment], look: Callable[[Segment], Contents], now: float, days: int
) -> Iterable[Contents]:
    """Give the segments whose last record is older than so many days, oldest first.

    Args:
        segments: all but the one that is written, in the journal's order.
        look: reads what one holds; asked for none that is begun too late anyway.
        now: epoch seconds.
        days: how long a record is kept.
    """
    limit = datetime.fromtimestamp(now, UTC) - timedelta(days=days)
    for index, segment in enumerate(segments):
        if segment.date >= limit.date():
            return
        contents = look(segment)
        # A last line that cannot be read is no younger than the next segment.
        next_day = segments[index + 1].date if index + 1 < len(segments) else limit.date()
        last = contents.time or f"{next_day}T23:59:59.999Z"
        if last >= f"{limit:%Y-%m-%dT%H:%M:%S}":
            return
        yield contents
