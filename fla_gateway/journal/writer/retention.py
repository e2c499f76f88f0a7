"""Rule: which segments are old enough to go.

Owns the order: the oldest first and without a gap, so that what is left still verifies from its first segment on; and
how far a clock is believed. Refuses to remove anything, and to look at the segment that is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from fla_gateway.journal.format.segment_name import Segment

MOST_AT_ONCE: Final = 200
"""Segments named in one record, so that its line stays readable."""

BELIEVED_SECONDS: Final = 31 * 86_400.0
"""How far ahead of the last time that is known a clock is believed. One that is set years ahead, and back within the
day, must not remove records that nothing brings back."""


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


def last_known(contents: Contents) -> float:
    """Return the time of a segment's last record, or the beginning of its day where that cannot be read."""
    try:
        found = datetime.fromisoformat(contents.time)
    except ValueError:
        found = datetime.combine(contents.segment.date, time())
    return found.replace(tzinfo=UTC).timestamp()


def believed(now: float, passed: float) -> float:
    """Return the time by which ages are judged: the clock's, as far as that is believed.

    Args:
        now: epoch seconds by the clock.
        passed: a moment that has passed.
    """
    return min(now, passed + BELIEVED_SECONDS)


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
    moment = datetime.fromtimestamp(now, UTC)
    limit = moment - timedelta(days=days)
    for index, segment in enumerate(segments):
        # What cannot be read, or was written by a clock that was ahead, is no younger than the next segment.
        after = next((it.date for it in segments[index + 1 :] if it.date <= moment.date()), limit.date())
        if (segment.date if segment.date <= moment.date() else after) >= limit.date():
            return
        contents = look(segment)
        last = contents.time if "" < contents.time <= _written(moment) else f"{after}T23:59:59.999Z"
        if last >= _written(limit):
            return
        yield contents


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}"
