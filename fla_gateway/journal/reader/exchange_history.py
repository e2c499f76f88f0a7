"""Rule: intents and outcomes become exchanges.

Owns the joining, in memory for the open intents of one run. Refuses to judge an exchange: whether it is in doubt says
`in_doubt`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from fla_gateway.journal.format.line_format import INTENT, LOST, OUTCOME, RETENTION, START, STOP, Line
from fla_gateway.journal.reader.removed_segments import RemovedSegments
from fla_gateway.journal.reader.segments.read_results import Damaged, Entry, Passed, SegmentStart, Wanted
from fla_gateway.journal.reader.settlements import NONE, Settled, Settlements

RUNNING: Final = "running"
NO_OUTCOME: Final = "no-outcome"
MOST_MISSING: Final = 100
"""Gaps that are remembered; one is enough to doubt."""


class Exchange(NamedTuple):
    """One exchange, as far as the journal has it.

    Attributes:
        intent: the line before its first byte went out; None for a request that changes nothing.
        outcome: the line after its end; None where there is none (yet).
        running: whether a gateway that lives may still write the outcome.
        settled: the settlements of the journal, this one's among them.
    """

    intent: Line | None
    outcome: Line | None
    running: bool = False
    settled: Settlements = NONE

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its lines, in their order."""
        return tuple(line for line in (self.intent, self.outcome) if line is not None)

    @property
    def members(self) -> Mapping[str, Any]:
        """Members of the outcome, which repeat those of the intent; else of the intent."""
        return (self.outcome or self.lines[-1]).members

    @property
    def settlements(self) -> tuple[Settled, ...]:
        """What persons found out of it, in their order; the last one counts."""
        return self.settled.get(str(self.members.get("id")), ())

    @property
    def settlement(self) -> Settled | None:
        """The settlement that counts; None where there is none."""
        return next(reversed(self.settlements), None)

    @property
    def body(self) -> str:
        """Keyed hash of the request body; empty without one, or if it is not known."""
        for line in (self.intent, self.outcome):
            if line is not None and isinstance(found := line.members.get("body"), str):
                return found
        return ""

    @property
    def time(self) -> str:
        """When it was first recorded, as the journal writes it."""
        return str((self.intent or self.lines[0]).members["time"])

    @property
    def word(self) -> str:
        """How it ended: a word of `proxy.records.exchange_record`, `RUNNING` or `NO_OUTCOME`."""
        if self.outcome is None:
            return RUNNING if self.running else NO_OUTCOME
        return self.text("outcome")

    def text(self, name: str) -> str:
        """Give a member that is text; empty if it is absent or something else."""
        value = self.members.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int | float:
        """Give a member that is a number; 0 if it is absent or something else."""
        value = self.members.get(name)
        return value if isinstance(value, int | float) else 0


class Missing(NamedTuple):
    """Lines that are not there and that no record of retention accounts for.

    Attributes:
        first: number of the first one.
        last: number of the last one.
        after: time of the line before, as the journal writes it; empty without one.
        before: time of the line after.
    """

    first: int
    last: int
    after: str
    before: str


class History:
    """The exchanges of a journal, in the order of their ends; read once.

    Args:
        found: as `segment_reader.read_segments` gives it, or `read_wanted` as far as it is needed.
        lives: asked at the end: does a gateway hold the journal's lock?
        oldest_running: time, as the journal writes it; no intent that is older can belong to an exchange that runs.
        whole: whether the journal's first segment is among what is found.
        settlements: of the journal, from the first that is found to its end.

    Attributes:
        settlements: as given.
        damaged: lines that could not be read so far.
        losses: members of the records that something was lost, so far.
        missing: what is missing so far, without an explanation; what is before the first line, at the end only.
    """

    def __init__(
        self,
        found: Iterable[Wanted],
        lives: Callable[[], bool],
        oldest_running: str,
        *,
        whole: bool = True,
        settlements: Settlements = NONE,
    ) -> None:
        self._found = found
        self._lives = lives
        self._oldest_running = oldest_running
        self._open: dict[str, Line] = {}
        self._orphans: set[str] = set()
        self.damaged = 0
        self.losses: list[Mapping[str, Any]] = []
        self.missing: list[Missing] = []
        self._whole = whole
        self.settlements = settlements
        self._removed = RemovedSegments()
        self._number = 0
        self._first: Mapping[str, Any] | None = None
        self._seq = 0
        self._time = ""

    def __iter__(self) -> Iterator[Exchange]:
        for one in self._found:
            if isinstance(one, SegmentStart):
                self._begin(one)
            elif isinstance(one, Damaged):
                self.damaged += 1
                self._seq += 1
            elif isinstance(one, Passed):
                self._pass_over(one)
            elif isinstance(one, Entry):
                self._look_for_gap(one.line.members)
                yield from self._take(one.line)
        yield from self._rest(lives=bool(self._open) and self._lives())
        self._judge_beginning()

    def ignore_running(self) -> None:
        """Take no exchange for one that runs: the same journal then gives the same exchanges at any time."""
        self._lives = lambda: False

    def _begin(self, begun: SegmentStart) -> None:
        if not self._number:
            self._removed.begin(begun.number)
        self._number = begun.number

    def _look_for_gap(self, members: Mapping[str, Any]) -> None:
        seq, time = members["seq"], members["time"]
        if self._first is None:
            self._first = members
        elif seq > self._seq + 1 and len(self.missing) < MOST_MISSING:
            self.missing.append(Missing(self._seq + 1, seq - 1, self._time, time))
        self._seq, self._time = seq, time
        if members["record"] == RETENTION:
            # What is wrong with it is a finding of `audit verify`.
            deque(self._removed.take(members, self._number), maxlen=0)

    def _pass_over(self, passed: Passed) -> None:
        if passed.first > self._seq + 1 and self._seq and len(self.missing) < MOST_MISSING:
            self.missing.append(Missing(self._seq + 1, passed.first - 1, self._time, passed.since or self._time))
        self._seq, self._time = max(passed.last, self._seq), passed.time or self._time

    def _judge_beginning(self) -> None:
        if not self._whole or self._first is None or self._first["seq"] <= 1:
            return
        seq, prev = self._first["seq"], self._first["prev"]
        if self._removed.judge_beginning(seq, prev) or not self._removed.begins_later:
            self.missing.insert(0, Missing(1, seq - 1, "", self._first["time"]))

    def _take(self, line: Line) -> Iterator[Exchange]:
        kind = line.members["record"]
        if kind == INTENT:
            self._open.setdefault(_id(line), line)
        elif kind == OUTCOME:
            self._orphans.discard(_id(line))
            yield Exchange(self._open.pop(_id(line), None), line, settled=self.settlements)
        elif kind in {START, STOP}:
            # One process writes at a time: what is open here was left by one that is gone.
            yield from self._rest(lives=False)
        elif kind == LOST:
            self.losses.append(line.members)
            if line.members.get("outcomes"):
                self._orphans.update(self._open)

    def _rest(self, *, lives: bool) -> Iterator[Exchange]:
        for name, intent in self._open.items():
            recent = intent.members["time"] >= self._oldest_running
            running = lives and recent and name not in self._orphans
            yield Exchange(intent, None, running, self.settlements)
        self._open.clear()
        self._orphans.clear()


def _id(line: Line) -> str:
    return str(line.members.get("id"))
