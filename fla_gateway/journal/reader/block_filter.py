"""Rule: which lines of a block a question needs, judged by its bytes before any line is read as JSON.

Owns the search: whole blocks are passed over where nothing in them can be wanted, so that a journal is read many times
faster than JSON is. Refuses to decide what is shown: what it chooses is read and judged again by the filters. A block
that is not as the writer makes it is chosen whole, so that damage and gaps are noticed as they are line by line.

What has to be chosen, whatever is asked: lines of the rare kinds; an intent that has no outcome in its block, and that
outcome wherever it comes. So `exchange_history` joins the same exchanges as from all lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import Line, read

# Within a text of a line these quotes would have a backslash before them.
_RECORD: Final = b'"record":"'
_INTENT: Final = b'"record":"intent","id":'
_OUTCOME: Final = b'"record":"outcome","id":'
_I, _O = b"io"
"""The first letter of the kind distinguishes the two."""
_ID_SIZE: Final = 38
"""A UUID and its quotes."""
_IDENTIFIED: Final = re.compile(rb'"record":"(intent|outcome)","id":("[^"]{36}")')
_BEGINNING: Final = b'{"prev":"'
_BETWEEN: Final = b'}\n{"prev":"'
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_FEW: Final = 8
"""Lines that are looked for one by one; of more, the places of all lines are noted first."""


class Block:
    """Whole lines, one after the other.

    A writer's lines have their kind at one and the same place, since a hash, a number and a time come before it; the
    number has a digit more at times, and is looked behind then. What runs for each line is a slice at a known place,
    which takes a tenth of a search.

    Args:
        raw: their bytes; the last one is a line break.

    Attributes:
        raw: as given.
        intents: ids of the intents, with their quotes.
        outcomes: ids of the outcomes.
        begun: ids of the intents, each once; right also where `ends` is None.
        over: ids of the outcomes, in the same way.
        ends: first and last line; None where the block is not as the writer makes it, so that all of it is to be read.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._lines = self._pieces = raw.split(_BETWEEN)
        self._lines[0] = self._lines[0].removeprefix(_BEGINNING)
        self._place = max(self._lines[0].find(_RECORD), 0)
        self._is_usual = self._looks_usual()
        if not self._is_usual:
            self._pieces, self._place = [it[max(it.find(_RECORD), 0) :] for it in self._lines], 0
            self._is_usual = self._looks_usual()
        self._letter = letter = self._place + len(_RECORD)
        pieces, intent, outcome = self._pieces, self._place + len(_INTENT), self._place + len(_OUTCOME)
        if not self._is_usual:
            pieces = []
        self.intents = [it[intent : intent + _ID_SIZE] for it in pieces if it[letter] == _I]
        self.outcomes = [it[outcome : outcome + _ID_SIZE] for it in pieces if it[letter] == _O]
        self.begun, self.over = set(self.intents), set(self.outcomes)
        self.ends = self._ends()
        if self.ends is None:
            # What is hidden from the search by what is odd has to be followed all the same.
            found = _IDENTIFIED.findall(raw)
            self.begun = {it for kind, it in found if kind == b"intent"}
            self.over = {it for kind, it in found if kind == b"outcome"}

    def __len__(self) -> int:
        """Return the number of lines, if `ends` has them."""
        return len(self._lines)

    @cached_property
    def starts(self) -> list[int]:
        """Where the lines begin."""
        # Of a break, the brace and the line break belong to the line before.
        sizes = (len(line) + len(_BETWEEN) for line in self._lines[:-1])
        return list(accumulate(sizes, initial=0))

    @cached_property
    def began(self) -> dict[bytes, int]:
        """Ids of intents, and where their lines begin."""
        return dict(zip(self.intents, self._starts_of(_I), strict=True))

    @cached_property
    def ended(self) -> dict[bytes, int]:
        """Ids of outcomes, and where their lines begin."""
        return dict(zip(self.outcomes, self._starts_of(_O), strict=True))

    def outcome_lines(self) -> list[bytes]:
        """Return the outcomes, without their first bytes; only where `ends` are known."""
        letter = self._letter
        return [it for it in self._pieces if it[letter] == _O]

    def outcome_starts(self) -> list[int]:
        """Return where the lines of the outcomes begin; only where `ends` are known."""
        return self._starts_of(_O)

    def line_start(self, place: int) -> int:
        """Return where the line begins that a byte is in."""
        return self.raw.rfind(b"\n", 0, place) + 1

    def rare(self) -> list[int]:
        """Return where lines begin that are neither intent nor outcome."""
        if len(self._lines) == len(self.intents) + len(self.outcomes):
            return []
        letter, frequent = self._letter, (_I, _O)
        return [start for line, start in zip(self._pieces, self.starts, strict=True) if line[letter] not in frequent]

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

    def _ends(self) -> tuple[Line, Line] | None:
        raw, number = self.raw, len(self._lines)
        # No writer writes an intent or an outcome twice.
        has_each_once = len(self.begun) + len(self.over) == len(self.intents) + len(self.outcomes)
        if not self._is_usual or not has_each_once or not raw.startswith(_BEGINNING) or not raw.endswith(b"}\n"):
            return None
        if raw.translate(None, _PRINTABLE) != b"\n" * number or not self._has_usual_ids():
            return None
        try:
            first = read(raw[: raw.index(b"\n")])
            last = read(raw[raw.rfind(b"\n", 0, -1) + 1 : -1])
        except JournalError:
            return None
        return (first, last) if last.members["seq"] - first.members["seq"] == number - 1 else None

    def _looks_usual(self) -> bool:
        """Whether all lines have their kind at the place, and are written as the kind is."""
        place, size = self._place, len(_INTENT)
        for prefix in set([it[place : place + size] for it in self._pieces]):  # noqa: C403 - a quarter faster
            if not prefix.startswith(_RECORD):
                return False
            frequent = prefix[len(_RECORD) :].startswith((b"i", b"o"))
            if len(prefix) < size or (frequent and prefix not in {_INTENT, _OUTCOME[:size]}):
                return False
        return True

    def _has_usual_ids(self) -> bool:
        ids = b"".join([*self.intents, *self.outcomes])
        quotes = b'"' * (len(self.intents) + len(self.outcomes))
        return ids[::_ID_SIZE] == quotes == ids[_ID_SIZE - 1 :: _ID_SIZE]

    def _starts_of(self, kind: int) -> list[int]:
        letter = self._letter
        return [start for line, start in zip(self._pieces, self.starts, strict=True) if line[letter] == kind]


class Wish(Protocol):
    """What a question wants of a block."""

    def hits(self, block: Block) -> Sequence[int] | None:
        """Return offsets within the lines that may be wanted, or None for every line; too many do no harm."""
        ...


class Chosen(NamedTuple):
    """What is to be read of a block.

    Attributes:
        lines: of the block.
        starts: where the lines begin, in their order.
        first: first line of the block.
        last: its last line.
        outcomes: outcomes that are passed over.
        intents: intents that are passed over.
    """

    lines: int
    starts: list[int]
    first: Line
    last: Line
    outcomes: int
    intents: int


class BlockFilter:
    """Chooses lines, block after block.

    Args:
        wish: what the question wants.
    """

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._open: set[bytes] = set()

    def choose(self, raw: bytes) -> Chosen | None:
        """Choose lines of the next block; None means all of them.

        Args:
            raw: whole lines, the last one with its line break.
        """
        block = Block(raw)
        left, late = self._follow(block)
        hits = None if block.ends is None else self._wish.hits(block)
        if block.ends is None or hits is None:
            return None
        lines = {block.line_start(hit) for hit in hits}
        is_many = len(lines) + len(left) + len(late) > _FEW
        if is_many:
            intents, outcomes = {block.began[it] for it in left}, {block.ended[it] for it in late}
        else:
            intents = {it for it in map(block.intent_start, left) if it is not None}
            outcomes = {it for it in map(block.outcome_start, late) if it is not None}
        for start in lines:
            other = block.counterpart(start, is_one_of_many=is_many)
            is_intent = block.is_intent(start)
            (intents if is_intent else outcomes).add(start)
            if other is not None:
                (outcomes if is_intent else intents).add(other)
        rare = block.rare()
        outcomes.difference_update(rare)
        passed = len(block.outcomes) - len(outcomes), len(block.intents) - len(intents)
        return Chosen(len(block), sorted({*intents, *outcomes, *rare}), *block.ends, *passed)

    def _follow(self, block: Block) -> tuple[set[bytes], set[bytes]]:
        """Note what is open after a block; return what begins in it and does not end, and what ends that was open."""
        left = block.begun - block.over
        late = self._open & block.over
        self._open -= late
        self._open |= left
        return left, late
