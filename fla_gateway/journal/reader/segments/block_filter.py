"""Rule: which lines of a block a question needs, judged by its bytes before any line is read as JSON.

Owns the search: whole blocks are passed over where nothing in them can be wanted, so that a journal is read many times
faster than JSON is. Refuses to decide what is shown: what it chooses is read and judged again by the filters. A block
that is not as the writer makes it is chosen whole, so that damage and gaps are noticed as they are line by line.

What has to be chosen, whatever is asked: lines of the rare kinds; an intent that has no outcome in its block, and that
outcome wherever it comes. So `exchange_history` joins the same exchanges as from all lines.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from io import BytesIO
from itertools import accumulate, compress
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import read

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
_END: Final = b"}\n"
_HEAD: Final = re.compile(
    rb'\{"prev":"[0-9a-f]{64}","seq":([1-9][0-9]{0,17}),'
    rb'"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)","record":"'
)
_UNPRINTABLE: Final = (*range(10), *range(11, 32), 127)
"""What no line has of ASCII; the search for each takes less time than one look at every byte."""
_FEW: Final = 8
"""Lines that are looked for one by one; of more, the places of all lines are noted first."""


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
        ends: of first and last line; None where the block is not as the writer makes it, so that all is to be read.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        # Faster than a split: a line's end is looked for many bytes at a time.
        self._lines = self._pieces = BytesIO(raw).readlines()
        place = max(self._lines[0].find(_RECORD), 0)
        is_usual = self._looks_usual(place)
        if not is_usual:
            self._pieces, place = [it[max(it.find(_RECORD), 0) :] for it in self._lines], 0
            is_usual = self._looks_usual(place)
        if not is_usual:
            self._pieces = []
        kinds = bytes(map(itemgetter(place + len(_RECORD)), self._pieces))
        self._are_intents, self._are_outcomes = kinds.translate(_IS_INTENT), kinds.translate(_IS_OUTCOME)
        self.intents = self._ids(self._are_intents, place + len(_INTENT))
        self.outcomes = self._ids(self._are_outcomes, place + len(_OUTCOME))
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
        return self.starts[bisect_right(self.starts, place) - 1]

    def index(self, start: int) -> int:
        """Return how many lines are before the one that begins there."""
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

    def _ids(self, selected: bytes, place: int) -> list[bytes]:
        return list(map(itemgetter(slice(place, place + _ID_SIZE)), compress(self._pieces, selected)))

    def _ends(self) -> Ends | None:
        raw = self.raw
        # No writer writes an intent or an outcome twice.
        has_each_once = len(self.begun) + len(self.over) == len(self.intents) + len(self.outcomes)
        is_printable = raw.isascii() and not any(map(raw.__contains__, _UNPRINTABLE))
        first, last = (_HEAD.match(self._lines[at]) for at in (0, -1))
        if not has_each_once or not is_printable or not self._has_usual_ids() or first is None or last is None:
            return None
        try:
            # Two lines without a line break between them would be one too few; at the end nothing else shows it.
            read(self._lines[-1][:-1])
        except JournalError:
            return None
        ends = Ends(int(first[1]), int(last[1]), first[2].decode(), last[2].decode())
        return ends if ends.last - ends.first == len(self._lines) - 1 else None

    def _looks_usual(self, place: int) -> bool:
        """Whether all lines have their kind at the place, and are written as the kind is."""
        size = len(_INTENT)
        for prefix in set(map(itemgetter(slice(place, place + size)), self._pieces)):
            if not prefix.startswith(_RECORD):
                return False
            is_frequent = prefix[len(_RECORD) :].startswith((b"i", b"o"))
            if len(prefix) < size or (is_frequent and prefix not in {_INTENT, _OUTCOME[:size]}):
                return False
        begins = set(map(itemgetter(slice(len(_BEGINNING))), self._lines))
        ends = set(map(itemgetter(slice(-len(_END), None)), self._lines))
        return begins == {_BEGINNING} and ends == {_END}

    def _has_usual_ids(self) -> bool:
        ids = b"".join([*self.intents, *self.outcomes])
        quotes = b'"' * (len(self.intents) + len(self.outcomes))
        return ids[::_ID_SIZE] == quotes == ids[_ID_SIZE - 1 :: _ID_SIZE]


class Wish(Protocol):
    """What a question wants of a block."""

    def hits(self, block: Block) -> Sequence[int] | None:
        """Return offsets within the lines that may be wanted, or None for every line; too many do no harm."""
        ...


class Chosen(NamedTuple):
    """What is to be read of a block.

    Attributes:
        lines: of the block.
        starts: how many lines are before each that was chosen, and where it begins; in their order.
        ends: of the block.
        outcomes: outcomes that are passed over.
        intents: intents that are passed over.
    """

    lines: int
    starts: list[tuple[int, int]]
    ends: Ends
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
        starts = [(block.index(start), start) for start in sorted({*intents, *outcomes, *rare})]
        return Chosen(len(block), starts, block.ends, *passed)

    def _follow(self, block: Block) -> tuple[set[bytes], set[bytes]]:
        """Note what is open after a block; return what begins in it and does not end, and what ends that was open."""
        left = block.begun - block.over
        late = self._open & block.over
        self._open -= late
        self._open |= left
        return left, late
