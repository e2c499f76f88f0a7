"""Rule: do the records of retention account for segments that are not there?

Owns the comparison of what those records say with where the journal begins and with the segments that are left.
Refuses to claim more: any program that can append to the journal can append such a record (docs/audit.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.journal.format.hash_chain import FIRST_SEGMENT


class Removed(NamedTuple):
    """A segment that a record of retention says was removed; its head is empty where it could not be read."""

    segment: int
    last_seq: int
    head: str


class RemovedSegments:
    """What a journal's records of retention say.

    Attributes:
        newest: the newest segment that any of them names.
        boundary: what they say of the segment before the first that is there; None if they do not name it.
    """

    def __init__(self) -> None:
        self.newest: Removed | None = None
        self.boundary: Removed | None = None
        self._first = 0
        self._ends: dict[int, tuple[int, str]] = {}

    @property
    def begins_later(self) -> bool:
        """Whether the first segment that is there is not the journal's first one."""
        return self._first > FIRST_SEGMENT

    def begin(self, number: int) -> None:
        """Take note of the first segment that is there."""
        self._first = number

    def end(self, number: int, seq: int, head: str) -> None:
        """Take note of the last line of a segment.

        Args:
            number: of the segment.
            seq: of the line.
            head: its hash.
        """
        self._ends[number] = seq, head

    def take(self, members: Mapping[str, Any], number: int) -> Iterator[Text]:
        """Read a record of retention; yields what is wrong with it.

        Args:
            members: of the record.
            number: of the segment that it is in.
        """
        for removed in filter(None, map(_removed, _listed(members))):
            if removed.segment >= number:
                yield Text("retention names segment {number}, which was not yet over", number=removed.segment)
                continue
            self.newest = max(removed, self.newest or removed)
            there = self._ends.get(removed.segment)
            if there is not None and removed.head and there != (removed.last_seq, removed.head):
                # It is written before the files are removed: after a crash, what it names may still be there.
                yield Text("retention recorded another end of segment {number} than it has", number=removed.segment)
            if removed.segment == self._first - 1:
                if self.boundary is not None and self.boundary != removed:
                    yield Text("two records of retention differ about segment {number}", number=removed.segment)
                self.boundary = self.boundary or removed

    def judge_beginning(self, first_seq: int, first_prev: str) -> Text:
        """Return what is wrong with where the journal begins; empty text if all before it is accounted for.

        Args:
            first_seq: number of the first line.
            first_prev: hash that it says the one before it had.
        """
        before = self._first - 1
        if before < FIRST_SEGMENT:
            return NOTHING
        if self.boundary is None:
            if self.newest is None:
                return Text(
                    "segments up to {number} are missing, and no record of retention accounts for them", number=before
                )
            if self.newest.segment < before:
                return Text(
                    "segments are missing before it: retention removed them up to {number} only",
                    number=self.newest.segment,
                )
            return Text(
                "segments are missing before it, and no record of retention names segment {number}", number=before
            )
        expected = (self.boundary.last_seq + 1, self.boundary.head)
        if self.boundary.head and (first_seq, first_prev) != expected:
            return Text("it does not follow segment {number} as retention recorded its end", number=before)
        return NOTHING


def _listed(members: Mapping[str, Any]) -> list[Any]:
    listed = members.get("segments")
    return listed if isinstance(listed, list) else []


def _removed(listed: object) -> Removed | None:
    if not isinstance(listed, dict):
        return None
    segment, last_seq, head = (listed.get(name) for name in ("segment", "last_seq", "head"))
    if type(segment) is int and type(last_seq) is int and isinstance(head, str):
        return Removed(segment, last_seq, head)
    return None
