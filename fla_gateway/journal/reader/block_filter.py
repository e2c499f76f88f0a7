"""Rule: which lines of a block a question needs, judged by its bytes before any line is read as JSON.

Owns the search: whole blocks are passed over where nothing in them can be wanted, so that a journal is read many times
faster than JSON is. Refuses to decide what is shown: what it chooses is read and judged again by the filters. A block
that is not as the writer makes it is chosen whole, so that damage and gaps are noticed as they are line by line.

What has to be chosen, whatever is asked: lines of the rare kinds; an intent that has no outcome in its block, and that
outcome wherever it comes. So `exchange_history` joins the same exchanges as from all lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import Line, read

# Within a text of a line these quotes would have a backslash before them.
_RECORD: Final = b'"record":"'
_INTENT: Final = b'intent","id":"'
_OUTCOME: Final = b'outcome","id":"'
_FREQUENT: Final = (_INTENT, _OUTCOME)
_I, _O = _INTENT[0], _OUTCOME[0]
_ID_SIZE: Final = 37
"""A UUID and the quote behind it."""
_INTENT_ID: Final = slice(len(_INTENT), len(_INTENT) + _ID_SIZE)
_OUTCOME_ID: Final = slice(len(_OUTCOME), len(_OUTCOME) + _ID_SIZE)
_BEGINNING: Final = b'{"prev":"'
_BETWEEN: Final = b'}\n{"prev":"'
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_HEAD: Final = 200
"""Bytes of a line in which its kind is: hash, number and time come before it."""


class Block:
    """Whole lines, one after the other.

    Args:
        raw: their bytes; the last one is a line break.

    Attributes:
        raw: as given.
        pieces: bytes of each line from its kind on, with the beginning of the next line.
        intents: ids of the intents.
        outcomes: ids of the outcomes.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.pieces = raw.split(_RECORD)[1:]
        if b"" in self.pieces:
            # No writer makes that; the place before the next one is no line of either kind.
            self.pieces = [it or b"?" for it in self.pieces]
        # By the first letter: this runs for each line, and twice as fast as a comparison.
        self.intents = [it[_INTENT_ID] for it in self.pieces if it[0] == _I]
        self.outcomes = [it[_OUTCOME_ID] for it in self.pieces if it[0] == _O]

    @cached_property
    def places(self) -> list[int]:
        """Where the pieces begin."""
        first = self.raw.find(_RECORD) + len(_RECORD)
        return list(accumulate((len(piece) + len(_RECORD) for piece in self.pieces[:-1]), initial=first))

    @cached_property
    def began(self) -> dict[bytes, int]:
        """Ids of intents, and where they are."""
        return dict(zip(self.intents, self._places_of(_INTENT), strict=True))

    @cached_property
    def ended(self) -> dict[bytes, int]:
        """Ids of outcomes, and where they are."""
        return dict(zip(self.outcomes, self._places_of(_OUTCOME), strict=True))

    @cached_property
    def ends(self) -> tuple[Line, Line] | None:
        """First and last line; None where the block is not as the writer makes it, so that all of it is to be read."""
        raw, number = self.raw, len(self.pieces)
        if raw.count(_BETWEEN) != number - 1 or not raw.startswith(_BEGINNING) or not raw.endswith(b"}\n"):
            return None
        if raw.translate(None, _PRINTABLE) != b"\n" * number or not self._has_usual_ids():
            return None
        try:
            first = read(raw[: raw.index(b"\n")])
            last = read(raw[raw.rfind(b"\n", 0, -1) + 1 : -1])
        except JournalError:
            return None
        return (first, last) if last.members["seq"] - first.members["seq"] == number - 1 else None

    def outcome_pieces(self) -> Iterator[tuple[bytes, int]]:
        """Yield the pieces of outcomes, and where they are."""
        return (it for it in zip(self.pieces, self.places, strict=True) if it[0].startswith(_OUTCOME))

    def line_start(self, place: int) -> int:
        """Return where the line begins that a byte is in."""
        return self.raw.rfind(b"\n", 0, place) + 1

    def rare(self) -> list[int]:
        """Return where lines begin that are neither intent nor outcome."""
        if len(self.pieces) == len(self.intents) + len(self.outcomes):
            return []
        pieces = zip(self.pieces, self.places, strict=True)
        return [self.line_start(place) for piece, place in pieces if not piece.startswith(_FREQUENT)]

    def counterpart(self, start: int) -> int | None:
        """Return where the line of the same exchange begins, if it is in this block."""
        place = self.raw.find(_RECORD, start) + len(_RECORD)
        for kind, others in ((_OUTCOME, self.began), (_INTENT, self.ended)):
            if self.raw.startswith(kind, place):
                begin = place + len(kind)
                other = others.get(self.raw[begin : begin + _ID_SIZE])
                return None if other is None else self.line_start(other)
        return None

    def _has_usual_ids(self) -> bool:
        number = len(self.intents) + len(self.outcomes)
        return b"".join([*self.intents, *self.outcomes])[_ID_SIZE - 1 :: _ID_SIZE] == b'"' * number

    def _places_of(self, kind: bytes) -> list[int]:
        return [place for piece, place in zip(self.pieces, self.places, strict=True) if piece.startswith(kind)]


class Wish(Protocol):
    """What a question wants of a block."""

    def hits(self, block: Block) -> Sequence[int] | None:
        """Return offsets within the lines that may be wanted, or None for every line; too many do no harm."""
        ...


class Chosen(NamedTuple):
    """What is to be read of a block.

    Attributes:
        starts: where the lines begin, in their order.
        first: first line of the block.
        last: its last line.
        outcomes: outcomes that are passed over.
        intents: intents that are passed over.
    """

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
        ends = block.ends
        hits = self._wish.hits(block)
        if ends is None or hits is None:
            return None
        intents = {block.line_start(block.began[it]) for it in left}
        outcomes = {block.line_start(block.ended[it]) for it in late}
        for start in {block.line_start(hit) for hit in hits}:
            other = block.counterpart(start)
            is_intent = raw.find(_RECORD + _INTENT, start, start + _HEAD) >= 0
            (intents if is_intent else outcomes).add(start)
            if other is not None:
                (outcomes if is_intent else intents).add(other)
        rare = block.rare()
        outcomes.difference_update(rare)
        passed = len(block.outcomes) - len(outcomes), len(block.intents) - len(intents)
        return Chosen(sorted({*intents, *outcomes, *rare}), *ends, *passed)

    def _follow(self, block: Block) -> tuple[set[bytes], set[bytes]]:
        """Note what is open after a block; return what begins in it and does not end, and what ends that was open."""
        ended = set(block.outcomes)
        left = set(block.intents) - ended
        late = self._open & ended
        self._open -= late
        self._open |= left
        return left, late
