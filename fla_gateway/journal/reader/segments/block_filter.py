"""Rule: which lines of a block a question needs, judged by its bytes before any line is read as JSON.

Owns the search: whole blocks are passed over where nothing in them can be wanted, so that a journal is read many times
faster than JSON is. Refuses to decide what is shown: what it chooses is read and judged again by the filters. A block
that is not as the writer makes it is chosen whole, so that damage and gaps are noticed as they are line by line.

What has to be chosen, whatever is asked: lines of the rare kinds; an intent that has no outcome in its block, and that
outcome wherever it comes. So `exchange_history` joins the same exchanges as from all lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.reader.segments.block import Block, Ends

_FEW: Final = 8
"""Lines that are looked for one by one; of more, the places of all lines are noted first."""


class Predicate(Protocol):
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
        predicate: what the question wants.
    """

    def __init__(self, predicate: Predicate) -> None:
        self._predicate = predicate
        self._open: set[bytes] = set()

    def begin(self, segment: Segment) -> None:
        """Go on to a segment; it does not matter which."""

    def choose(self, raw: bytes) -> Chosen | None:
        """Choose lines of the next block; None means all of them.

        Args:
            raw: whole lines, the last one with its line break.
        """
        block = Block(raw)
        left, late = self._follow(block)
        hits = None if block.ends is None else self._predicate.hits(block)
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
