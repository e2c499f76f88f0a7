"""Rule: which doubts a person has ended, and how.

Owns the reading of one record, and that the last one of a request counts. Refuses to say whether the request was in
doubt; `in_doubt` does. A settlement comes after what it settles: it is known at the end, or looked for before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import Final, NamedTuple, TypeVar, overload

from fla_gateway.journal.format.line_format import SETTLED, SETTLEMENTS, Line
from fla_gateway.journal.reader.segments.read_results import Entry, SegmentStart, Wanted

_Other = TypeVar("_Other")


class Settled(NamedTuple):
    """One settlement.

    Attributes:
        line: as it is in the journal.
        request_id: of the request that was in doubt.
        result: one of `format.line_format.SETTLEMENTS`.
        note: of the person, or empty.
        by: the name that the person gave, or empty.
        uid: user id that was proven, or None.
    """

    line: Line
    request_id: str
    result: str
    note: str
    by: str
    uid: int | None

    @property
    def time(self) -> str:
        """When it was written, as the journal writes it."""
        return str(self.line.members["time"])


Settlements = Mapping[str, tuple[Settled, ...]]
"""By request id: each of its settlements, in the journal's order."""
NONE: Final[Settlements] = {}


class LateSettlements(Settlements):
    """Settlements of a journal that is being read: known at its end, and before it read when one is first asked for.

    Args:
        ahead: gives those of the journal, as `collected` takes them, without so many segments at its beginning.
    """

    def __init__(self, ahead: Callable[[int], Iterable[Line]]) -> None:
        self._ahead = ahead
        self._begun = 0
        self._before: list[Line] = []
        self._seen: list[Line] = []
        self._is_over = False

    def follow(self, found: Iterable[Wanted]) -> Iterator[Wanted]:
        """Note the settlements among what is found, and pass everything on."""
        for one in found:
            if isinstance(one, Entry):
                if one.line.members["record"] == SETTLED:
                    self._seen.append(one.line)
            elif isinstance(one, SegmentStart):
                self._begun += 1
                self._before += self._seen
                self._seen = []
            yield one
        self._is_over = True

    def __getitem__(self, request_id: str) -> tuple[Settled, ...]:
        return self._known[request_id]

    @overload
    def get(self, request_id: str, /) -> tuple[Settled, ...] | None: ...
    @overload
    def get(self, request_id: str, /, default: _Other) -> tuple[Settled, ...] | _Other: ...
    def get(self, request_id: str, /, default: object = None) -> object:
        """See `dict.get`; that of a mapping would raise and catch an error for nearly every exchange."""
        return self._known.get(request_id, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    @cached_property
    def _known(self) -> Settlements:
        rest = self._seen if self._is_over else self._ahead(max(self._begun - 1, 0))
        return collected(chain(self._before, rest))


def collected(lines: Iterable[Line]) -> Settlements:
    """Collect settlements; a record that no writer makes is passed over.

    Args:
        lines: those of the kind ``settled``, in the journal's order.
    """
    found: dict[str, tuple[Settled, ...]] = {}
    for line in lines:
        settled = _read(line)
        if settled is not None:
            found[settled.request_id] = (*found.get(settled.request_id, ()), settled)
    return found


def _read(line: Line) -> Settled | None:
    members = line.members
    request_id, result, note, by = (members.get(name, "") for name in ("id", "as", "note", "by"))
    if not (isinstance(request_id, str) and isinstance(note, str) and isinstance(by, str)) or result not in SETTLEMENTS:
        return None
    uid = members.get("uid")
    return Settled(line, request_id, result, note, by, uid if isinstance(uid, int) else None)
