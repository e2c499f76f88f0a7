"""Rule: from samples to figures, and from figures to passed or failed.

Owns the statistics and the targets of this project. Refuses to know how samples come about and how figures are shown.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, NamedTuple, Self

from benchmarks.peers import ENVOY, GATEWAY_COMPILED, GO, GUARDED_COMPILED, NGINX


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading.

    Attributes:
        phase: ``cpu``, ``guards``, ``bulk``, ``latency``, ``memory`` or ``start``.
        what: the work: GET or POST for ``cpu`` and ``guards``, down or up for ``bulk``, the rate for ``latency``, the
            state for ``memory``, else empty.
        connections: at a time; 0 where that means nothing.
        peer: who did it; ``direct`` for none.
        round: the number of the repetition.
        value: microseconds of CPU per request (``cpu``, ``guards``), milliseconds of CPU per 10 MB (``bulk``), median
            of the latency in microseconds (``latency``), MB (``memory``), seconds (``start``).
        reference: the other reading of the same pair, or 0: nginx's, for ``guards`` that of the gateway without any.
        per_second: requests per second; 0 where that means nothing.
        errors: exchanges that failed; any makes the sample and its row void.
        curve: microseconds of latency by percentile (``p50``); empty where none was measured.
    """

    phase: str
    what: str
    connections: int
    peer: str
    round: int
    value: float
    reference: float = 0.0
    per_second: float = 0.0
    errors: int = 0
    curve: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some values, and the quartiles round it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self | None:
        """Summarise some values; None of none."""
        if not values:
            return None
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high)


@dataclass(frozen=True, slots=True)
class Samples:
    """All readings of a run, and the questions that are asked of them."""

    every: tuple[Sample, ...]

    def select(self, phase: str, what: str, connections: int, peer: str) -> list[Sample]:
        """Give the samples of one row, by round."""
        wanted = (phase, what, connections, peer)
        found = [one for one in self.every if (one.phase, one.what, one.connections, one.peer) == wanted]
        return sorted(found, key=lambda one: one.round)

    def errors(self, phase: str, what: str, connections: int, peer: str) -> int:
        """Count the failed exchanges of a row."""
        return sum(one.errors for one in self.select(phase, what, connections, peer))

    def value(self, phase: str, what: str, connections: int, peer: str) -> Spread | None:
        """Summarise a row; None if there is none, or if it is void."""
        return self._spread(self.select(phase, what, connections, peer), lambda one: one.value)

    def ratio(self, phase: str, what: str, connections: int, peer: str) -> Spread | None:
        """Summarise a row against the other readings of its pairs: nginx's, but see `Sample.reference`."""
        return self._spread(self.select(phase, what, connections, peer), _ratio)

    def ratio_between(self, phase: str, what: str, connections: int, peers: tuple[str, str]) -> Spread | None:
        """Summarise one proxy against another: the quotient of their ratios to nginx, round by round.

        The two do not follow each other directly; nginx's reading beside each takes out what the machine's other
        work changed between them.
        """
        ours, theirs = (self.select(phase, what, connections, peer) for peer in peers)
        if any(one.errors for one in (*ours, *theirs)):
            return None
        other = {one.round: _ratio(one) for one in theirs}
        return Spread.of([_ratio(one) / other[one.round] for one in ours if one.round in other])

    def percentile(self, phase: str, what: str, connections: int, peer: str, name: str) -> Spread | None:
        """Summarise one percentile of a row's curves."""
        row = [one for one in self.select(phase, what, connections, peer) if name in one.curve]
        return self._spread(row, lambda one: one.curve[name])

    def __add__(self, later: Samples) -> Samples:
        """Join the readings of two parts; rounds of the second follow those of the first, and pairs stay together."""
        begin = max((one.round for one in self.every), default=-1) + 1
        return Samples((*self.every, *(replace(one, round=one.round + begin) for one in later.every)))

    @staticmethod
    def _spread(row: Iterable[Sample], measure: Callable[[Sample], float]) -> Spread | None:
        row = list(row)
        return None if any(one.errors for one in row) else Spread.of([measure(one) for one in row])

    def plain(self) -> list[dict[str, Any]]:
        """Give the samples as JSON knows them."""
        return [asdict(one) for one in self.every]

    @classmethod
    def of_plain(cls, plain: Iterable[Mapping[str, Any]]) -> Self:
        """Read what `plain` gave."""
        return cls(tuple(Sample(**one) for one in plain))


def _ratio(sample: Sample) -> float:
    return sample.value / sample.reference


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, and what was reached.

    Attributes:
        what: in words.
        limit: at most this.
        reached: the figure, or None if there is none that counts.
        unit: of both.
        note: spread, aim, or why there is no figure.
    """

    what: str
    limit: float
    reached: float | None
    unit: str
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the target was reached; a figure that is missing reaches nothing."""
        return self.reached is not None and self.reached <= self.limit


_CONNECTIONS: Final = 16
MEMORY_LIMITS: Final = (
    ("idle", 55.0),
    ("64 connections", 62.0),
    ("16 x 10 MB down", 90.0),
    ("16 x 10 MB down, again", 90.0),
    ("16 x 10 MB up", 90.0),
    ("16 x 10 MB up, again", 90.0),
)
_FLAT: Final = 1.05  # a second peak within 5 % of the first is called flat
_START_LIMIT: Final = 0.5


class Limit(NamedTuple):
    """At most how much CPU a request may cost, against the same request through a peer."""

    work: str
    row: str
    peer: str
    most: float


_LIMITS: Final = (
    Limit("GET", GUARDED_COMPILED, NGINX, 1.6),
    Limit("GET", GUARDED_COMPILED, ENVOY, 1.0),
    Limit("GET", GUARDED_COMPILED, GO, 0.9),
    Limit("POST", GUARDED_COMPILED, NGINX, 1.8),
    Limit("POST", GUARDED_COMPILED, ENVOY, 1.05),
    Limit("POST", GUARDED_COMPILED, GO, 0.65),
    Limit("GET", GATEWAY_COMPILED, NGINX, 1.35),
    Limit("POST", GATEWAY_COMPILED, NGINX, 1.45),
)


def judge(samples: Samples) -> list[Verdict]:
    """Hold a run against every target of the project: CPU, memory and start of the compiled gateway."""
    cpu = [_cpu_verdict(samples, limit) for limit in _LIMITS]
    return [*cpu, *_memory_verdicts(samples, GUARDED_COMPILED), _start_verdict(samples, GUARDED_COMPILED)]


def _cpu_verdict(samples: Samples, limit: Limit) -> Verdict:
    what = f"CPU per {limit.work}, {limit.row} against {limit.peer}"
    row = ("cpu", limit.work, _CONNECTIONS)
    if limit.peer == NGINX:
        ratio = samples.ratio(*row, limit.row)
    else:
        ratio = samples.ratio_between(*row, (limit.row, limit.peer))
    if ratio is None:
        return Verdict(what, limit.most, None, "x", "not measured, or void")
    return Verdict(what, limit.most, ratio.median, "x", f"IQR {ratio.low:.2f}-{ratio.high:.2f}")


def _memory_verdicts(samples: Samples, ours: str) -> list[Verdict]:
    found: list[Verdict] = []
    values = {what: samples.value("memory", what, 0, ours) for what, _ in MEMORY_LIMITS}
    for what, limit in MEMORY_LIMITS:
        value = values[what]
        found.append(Verdict(f"RSS, {what}", limit, value.median if value else None, "MB"))
    for way in ("down", "up"):
        first, second = values[f"16 x 10 MB {way}"], values[f"16 x 10 MB {way}, again"]
        growth = second.median / first.median if first and second else None
        found.append(Verdict(f"RSS, 16 x 10 MB {way}: second peak against the first", _FLAT, growth, "x"))
    return found


def _start_verdict(samples: Samples, ours: str) -> Verdict:
    value = samples.value("start", "", 0, ours)
    note = f"IQR {value.low:.2f}-{value.high:.2f}" if value else "not measured"
    return Verdict("Start to first forwarded answer", _START_LIMIT, value.median if value else None, "s", note)
