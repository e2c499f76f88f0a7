"""Value: whole lines of a journal that are searched by their bytes, without reading them as JSON.

Owns where kinds and ids are in lines as a writer makes them, and how a block shows that all its lines are such lines.
Refuses to know what is looked for.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from io import BytesIO
from itertools import accumulate, compress
from operator import itemgetter
from typing import Final, NamedTuple

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import read
from fla_gateway.journal.reader.segments.line_entries import printable

# Within a text of a line these quotes would have a backslash before them.
_RECORD: Final = b'"record":"'
_INTENT: Final = b'"record":"intent","id":'
_OUTCOME: Final = b'"record":"outcome","id":'
# The first letter of the kind distinguishes the two.
_IS_INTENT: Final = bytes(letter == ord("i") for letter in range(256))
_IS_OUTCOME: Final = bytes(letter == ord("o") for letter in range(256))
_ID_SIZE: Final = 38
"""A UUID and its quotes."""
_IDENTIFIED: Final = re.compile(rb'"record":"(intent|outcome)","id":("[^"]{36}")')
_BEGINNING: Final = b'{"prev":"'
_LAST: Final = b"}"
"""Before the line break."""
_HEAD: Final = re.compile(
    rb'\{"prev":"[0-9a-f]{64}","seq":([1-9][0-9]{0,17}),'
    rb'"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)","record":"'
)
_NEAR: Final = 16_384
"""Bytes from an end of a block within which lines are counted one by one."""


class Ends(NamedTuple):
    """What the first and the last line of a block say.

    Attributes:
        first: number of the first.
        last: number of the last.
        since: time of the first, as the journal writes it.
        time: time of the last.
    """

    first: int
    last: int
    since: str
    time: str


class Block:
    """Whole lines, one after the other.

    A writer's lines have their kind at one and the same place, since a hash, a number and a time come before it; where
    the number has a digit more from some line on, they are cut so that it is. What runs for each line takes bytes from
    known places, which takes a tenth of a search.

    Args:
        raw: their bytes; the last one is a line break.

    Attributes:
        raw: as given.
        intents: ids of the intents, with their quotes.
        outcomes: ids of the outcomes.
        begun: ids of the intents, each once; right also where `ends` is None.
        over: ids of the outcomes, in the same way.
        ends: of first and last line; None where the block is not as the writer makes it, so that all is to be read.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        # Faster than a split: a line's end is looked for many bytes at a time.
        self._lines = self._pieces = BytesIO(raw).readlines()
        self._are_intents = self._are_outcomes = b""
        self.intents: Sequence[bytes] = ()
        self.outcomes: Sequence[bytes] = ()
        is_usual = self._take_kinds(self._lines[0].find(_RECORD))
        if not is_usual:
            size = len(_BEGINNING)
            self._pieces = [it[:size] + it[max(it.find(_RECORD), 0) :] for it in self._lines]
            is_usual = self._take_kinds(size)
        if not is_usual:
            self._pieces = []
            self._are_intents = self._are_outcomes = b""
            self.intents = self.outcomes = ()
        self.begun, self.over = set(self.intents), set(self.outcomes)
        self.ends = self._ends() if is_usual else None
        if self.ends is None:
            # What is hidden from the search by what is odd has to be followed all the same.
            found = _IDENTIFIED.findall(raw)
            self.begun = {it for kind, it in found if kind == b"intent"}
            self.over = {it for kind, it in found if kind == b"outcome"}

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self._lines)

    @cached_property
    def starts(self) -> list[int]:
        """Where the lines begin."""
        return list(accumulate(map(len, self._lines[:-1]), initial=0))

    @cached_property
    def began(self) -> dict[bytes, int]:
        """Ids of intents, and where their lines begin."""
        return dict(zip(self.intents, compress(self.starts, self._are_intents), strict=True))

    @cached_property
    def ended(self) -> dict[bytes, int]:
        """Ids of outcomes, and where their lines begin."""
        return dict(zip(self.outcomes, self.outcome_starts(), strict=True))

    def outcome_lines(self) -> list[bytes]:
        """Return the outcomes, perhaps without their first bytes; only where `ends` are known."""
        return list(compress(self._pieces, self._are_outcomes))

    def outcome_starts(self) -> list[int]:
        """Return where the lines of the outcomes begin; only where `ends` are known."""
        return list(compress(self.starts, self._are_outcomes))

    def line_start(self, place: int) -> int:
        """Return where the line begins that a byte is in."""
        return self.raw.rfind(b"\n", 0, place) + 1

    def index(self, start: int) -> int:
        """Return how many lines are before the one that begins there; what is followed is nearly always near an end."""
        if start < _NEAR:
            return self.raw.count(b"\n", 0, start)
        if start > len(self.raw) - _NEAR:
            return len(self) - self.raw.count(b"\n", start)
        return bisect_left(self.starts, start)

    def rare(self) -> list[int]:
        """Return where lines begin that are neither intent nor outcome."""
        if len(self._lines) == len(self.intents) + len(self.outcomes):
            return []
        are_frequent = zip(self.starts, self._are_intents, self._are_outcomes, strict=True)
        return [start for start, is_intent, is_outcome in are_frequent if not (is_intent or is_outcome)]

    def intent_start(self, name: bytes) -> int | None:
        """Return where the line of an intent begins; what has no outcome is near the end, where the search begins."""
        place = self.raw.rfind(_INTENT + name)
        return None if place < 0 else self.line_start(place)

    def outcome_start(self, name: bytes) -> int | None:
        """Return where the line of an outcome begins; what began in the block before is near the beginning."""
        place = self.raw.find(_OUTCOME + name)
        return None if place < 0 else self.line_start(place)

    def counterpart(self, start: int, *, is_one_of_many: bool) -> int | None:
        """Return where the line of the same exchange begins, if it is in this block.

        Args:
            start: where the line begins.
            is_one_of_many: whether it pays to note all places first.
        """
        place = self.raw.find(_RECORD, start)
        for kind in (_INTENT, _OUTCOME):
            if self.raw.startswith(kind, place):
                begin = place + len(kind)
                name = self.raw[begin : begin + _ID_SIZE]
                if is_one_of_many:
                    return (self.ended if kind is _INTENT else self.began).get(name)
                return self.outcome_start(name) if kind is _INTENT else self.intent_start(name)
        return None

    def is_intent(self, start: int) -> bool:
        """Return whether the line that begins there is an intent."""
        return self.raw.startswith(_INTENT, self.raw.find(_RECORD, start))

    def _ends(self) -> Ends | None:
        raw = self.raw
        # No writer writes an intent or an outcome twice.
        has_each_once = len(self.begun) + len(self.over) == len(self.intents) + len(self.outcomes)
        first, last = (_HEAD.match(self._lines[at]) for at in (0, -1))
        if not has_each_once or not printable(raw) or not self._has_usual_ids() or first is None or last is None:
            return None
        try:
            # Two lines without a line break between them would be one too few; at the end nothing else shows it.
            read(self._lines[-1][:-1])
        except JournalError:
            return None
        ends = Ends(int(first[1]), int(last[1]), first[2].decode(), last[2].decode())
        return ends if ends.last - ends.first == len(self._lines) - 1 else None

    def _take_kinds(self, place: int) -> bool:
        """Take kinds and ids of all lines; whether the kinds are at the place, and the lines as the kind is."""
        if place < len(_BEGINNING):
            return False
        pieces = self._pieces
        try:
            kinds = bytes(map(itemgetter(place + len(_RECORD)), pieces))
            self._are_intents, self._are_outcomes = kinds.translate(_IS_INTENT), kinds.translate(_IS_OUTCOME)
            intents = _ids(compress(pieces, self._are_intents), place, _INTENT)
            outcomes = _ids(compress(pieces, self._are_outcomes), place, _OUTCOME)
            lasts = bytes(map(itemgetter(-2), self._lines))
        except (IndexError, struct.error):
            return False  # a line is too short
        if intents is None or outcomes is None or lasts != _LAST * len(lasts):
            return False
        self.intents, self.outcomes = intents, outcomes
        return all(it.startswith(_BEGINNING) and it.startswith(_RECORD, place) for it in self._rare_pieces())

    def _rare_pieces(self) -> Iterator[bytes]:
        if len(self._pieces) != len(self.intents) + len(self.outcomes):
            kinds = zip(self._pieces, self._are_intents, self._are_outcomes, strict=True)
            yield from (piece for piece, is_intent, is_outcome in kinds if not (is_intent or is_outcome))

    def _has_usual_ids(self) -> bool:
        ids = b"".join([*self.intents, *self.outcomes])
        quotes = b'"' * (len(self.intents) + len(self.outcomes))
        return ids[::_ID_SIZE] == quotes == ids[_ID_SIZE - 1 :: _ID_SIZE]


def _ids(lines: Iterable[bytes], place: int, kind: bytes) -> Sequence[bytes] | None:
    """Return the ids of lines of a kind, in their order, or None if one of the lines is not written as the kind is."""
    begin, size = len(_BEGINNING), len(kind)
    columns = struct.Struct(f"{begin}s{place - begin}x{size}s{_ID_SIZE}s").unpack_from
    rows: list[tuple[bytes, bytes, bytes]] = list(map(columns, lines))
    if not rows:
        return ()
    beginnings, kinds, ids = zip(*rows, strict=True)
    is_usual = beginnings.count(_BEGINNING) == kinds.count(kind) == len(rows)
    return ids if is_usual else None
