"""State: in which blocks of a journal the hashes of bodies are, and which of them came more than once.

Owns what a first reading leaves for a second one, which looks at these blocks only: the hashes, in a temporary file
with eight bytes for each, and the sizes of the blocks. Refuses to decide what is a repetition, and to know files of a
journal. Where something is odd, or too much looks as if it had come again, it says so: then everything is read again.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import BinaryIO, Final

from fla_gateway.errors import JournalError, reason_of
from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.reader.segments.block import Block
from fla_gateway.journal.reader.segments.block_filter import BlockFilter, Chosen
from fla_gateway.journal.reader.segments.body_marks import BODY, BodyMarks, BodySet, body_at, numbers_in

_AT_ONCE: Final = 65_536
"""Hashes that are read back at once."""
_HASH_BYTES: Final = 8
_IS_RUN: Final = re.compile(rb'.*?"record":"(?:start|stop)"').match


def no_room(reason: str) -> JournalError:
    """Return the error of a temporary file that cannot be had."""
    return JournalError(
        Text(
            "equal bodies cannot be compared, since there is no room for a temporary file (TMPDIR names where it "
            "is made): {reason}",
            reason=reason,
        )
    )


class _Nothing:
    def hits(self, block: Block) -> tuple[int, ...]:  # noqa: ARG002 - see `Predicate`
        return ()


class BodyIndex(BlockFilter):
    """Notes the bodies of a journal, and chooses what any question needs.

    Args:
        marks: notes which hashes came more than once.
        hashes: a temporary file.

    Attributes:
        is_odd: whether a block is not as the writer makes it.
    """

    def __init__(self, marks: BodyMarks, hashes: BinaryIO) -> None:
        super().__init__(_Nothing())
        self._hashes = hashes
        self._marks = marks
        self._counts = array("I")
        self._sizes: list[tuple[Segment, array[int]]] = []
        self._began: dict[bytes, int] = {}
        self._links: list[tuple[int, int]] = []
        self.is_odd = False

    def begin(self, segment: Segment) -> None:
        """See `BlockFilter`."""
        self._sizes.append((segment, array("I")))

    def choose(self, raw: bytes) -> Chosen | None:
        """See `BlockFilter`."""
        numbers = self._marks.note(raw)
        chosen = super().choose(raw)
        self.is_odd = self.is_odd or chosen is None
        try:
            self._hashes.write(numbers)
        except OSError as error:
            raise no_room(reason_of(error)) from None
        self._counts.append(len(numbers))
        self._sizes[-1][1].append(len(raw))
        return chosen

    def repetitive(self) -> Repetitive | None:
        """Return where bodies are that came more than once; None where everything is to be read again."""
        suspects = self._marks.suspects
        if self.is_odd or suspects is None:
            return None
        counts = Counter[int]()
        for numbers in self._read(repeat(_AT_ONCE, -(-sum(self._counts) // _AT_ONCE) if suspects else 0)):
            counts.update(filter(suspects.__contains__, numbers))
        again = frozenset(number for number, count in counts.items() if count > 1)
        needed = {block for number, block in self._links if number in again}
        if again:
            hashes = self._read(self._counts)
            needed.update(block for block, numbers in enumerate(hashes) if not again.isdisjoint(numbers))
        return Repetitive(BodySet(again), needed, self._sizes)

    def _follow(self, block: Block) -> tuple[set[bytes], set[bytes]]:
        left, late = super()._follow(block)
        for name in late:
            began, start = self._began.pop(name, None), block.outcome_start(name)
            if began is not None and start is not None:
                # A body that came late is in the outcome: then the intent is needed as well.
                line = block.raw[start : block.raw.index(b"\n", start)]
                self._links += [(number, began) for number in numbers_in(line)]
        self._began.update(dict.fromkeys(left, len(self._counts)))
        return left, late

    def _read(self, counts: Iterable[int]) -> Iterator[array[int]]:
        """Read the hashes back: so many, then so many."""
        try:
            self._hashes.seek(0)
            for count in counts:
                yield array("Q", self._hashes.read(count * _HASH_BYTES))
        except OSError as error:
            raise no_room(reason_of(error)) from None


class Repetitive:
    """The blocks of a journal that have bodies which came more than once.

    Args:
        bodies: these.
        needed: numbers of the blocks.
        sizes: of all blocks, by segment.
    """

    def __init__(self, bodies: BodySet, needed: set[int], sizes: list[tuple[Segment, array[int]]]) -> None:
        self._bodies = bodies
        self._needed = needed
        self._sizes = sizes
        self._open: set[bytes] = set()

    def places(self) -> Iterator[tuple[Segment, Iterator[tuple[int, int, int]]]]:
        """Yield each segment, with the number, the place and the size of each of its blocks."""
        before = 0
        for segment, sizes in self._sizes:
            yield segment, _places(before, sizes)
            before += len(sizes)

    def needs(self, number: int) -> bool:
        """Return whether a block is to be read: it has such a body, or may have the outcome of one."""
        return number in self._needed or bool(self._open)

    def choose(self, raw: bytes) -> list[int]:
        """Return where lines begin in the next block that is needed: those of such bodies, and the rare ones."""
        block, again = Block(raw), self._bodies.again(raw)
        lines = {block.line_start(place) for place in _places_of_bodies(raw) if body_at(raw, place) in again}
        others = (block.counterpart(it, is_one_of_many=True) for it in lines)
        late = self._open & block.over
        rare = block.rare()
        starts = {*lines, *(it for it in others if it is not None), *(block.ended[it] for it in late), *rare}
        left = {name: block.began[name] for name in block.begun - block.over}
        followed = {name: start for name, start in left.items() if start in lines or not _has_body(raw, start)}
        # One process writes at a time: what is open where it begins or ends has no outcome.
        runs = [it for it in rare if _IS_RUN(raw, it)]
        self._open = set() if runs else self._open - late
        self._open |= {name for name, start in followed.items() if start > max(runs, default=-1)}
        return sorted({*starts, *followed.values()})


def _places(number: int, sizes: array[int]) -> Iterator[tuple[int, int, int]]:
    place = 0
    for size in sizes:
        yield number, place, size
        number, place = number + 1, place + size


def _places_of_bodies(raw: bytes) -> Iterator[int]:
    place = raw.find(BODY)
    while place >= 0:
        yield place
        place = raw.find(BODY, place + 1)


def _has_body(raw: bytes, start: int) -> bool:
    return raw.find(BODY, start, raw.index(b"\n", start)) >= 0
