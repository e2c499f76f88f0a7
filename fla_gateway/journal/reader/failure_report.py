"""Rule: what went wrong in a period, hop by hop, in bounded memory.

Owns what counts as a failure, and what is remembered of it: the first, the last, how many, some trace ids. Refuses to
know how it is printed, and to read what is passed over: of that it takes the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Final, NamedTuple

from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.filters import MOST_HELD
from fla_gateway.journal.reader.in_doubt import HARMLESS_METHODS, doubt_of
from fla_gateway.journal.reader.segments.read_results import Passed, Wanted
from fla_gateway.lean_dataclass import dataclass

MOST_TRACES: Final = 5
MOST_LISTED: Final = 50
MOST_KINDS: Final = 200
"""Kinds of failures that are kept apart; others are one kind."""
REST: Final = "other"

_CALLER_ERROR: Final = 400
_SERVER_ERROR: Final = 500
_UPSTREAM: Final = "upstream"
# An answer of the API below 500 is its word about the request; these are about the gateway's own credentials and rate.
_HOP_ERRORS: Final = frozenset({401, 403, 408, 429})


class Kind(NamedTuple):
    """A kind of failure.

    Attributes:
        hop: which component answered, as `origin` says.
        what: problem code, or status of the API, or a word of `outcome`.
    """

    hop: str
    what: str


@dataclass(slots=True)
class Failures:
    """Failures of one kind.

    Attributes:
        count: how many.
        first: time of the first.
        last: time of the last.
        traces: ids by which those who run the API find some of them.
    """

    count: int = 0
    first: str = ""
    last: str = ""
    traces: list[str] = field(default_factory=list)

    def take(self, exchange: Exchange) -> None:
        """Take one more."""
        self.count += 1
        self.first = min(self.first or exchange.time, exchange.time)
        self.last = max(self.last, exchange.time)
        trace = exchange.text("trace_received") or exchange.text("trace_sent")
        if trace and len(self.traces) < MOST_TRACES:
            self.traces.append(trace)


@dataclass(slots=True)
class Listed:
    """Exchanges that a person has to look at.

    Attributes:
        count: how many.
        exchanges: the first of them.
    """

    count: int = 0
    exchanges: list[Exchange] = field(default_factory=list)

    def take(self, exchange: Exchange) -> None:
        """Take one more."""
        self.count += 1
        if len(self.exchanges) < MOST_LISTED:
            self.exchanges.append(exchange)


@dataclass(slots=True)
class FailureReport:
    """What went wrong in a period.

    Attributes:
        since: as in `filters.Selection`.
        until: as in `filters.Selection`.
        calls: how many there were.
        changes: of them, those that change something.
        refusals: answers of the API from 400 to 499 that are no failure of a hop, by status.
        failures: by hop and kind.
        not_sent: changing calls of which nothing was sent.
        in_doubt: changing calls whose effect is not known.
        settled: those of which a person has found out.
        running: those that still run.
    """

    since: str
    until: str
    calls: int = 0
    changes: int = 0
    refusals: dict[int, int] = field(default_factory=dict)
    failures: dict[Kind, Failures] = field(default_factory=dict)
    not_sent: Listed = field(default_factory=Listed)
    in_doubt: Listed = field(default_factory=Listed)
    settled: Listed = field(default_factory=Listed)
    running: int = 0
    _doubts: list[Exchange] = field(default_factory=list)

    def follow(self, found: Iterable[Wanted]) -> Iterator[Wanted]:
        """Count what is passed over, and pass everything on."""
        for one in found:
            if isinstance(one, Passed) and one.time and self._covers(one.since) and self._covers(one.time):
                self.calls += one.outcomes
                self.changes += one.intents
            yield one

    def take_all(self, exchanges: Iterable[Exchange]) -> None:
        """Take all of the period."""
        for exchange in exchanges:
            self._take(exchange)
        self._decide()

    def _take(self, exchange: Exchange) -> None:
        self.calls += 1
        changes = exchange.text("method") not in HARMLESS_METHODS
        self.changes += changes
        self.running += exchange.running
        if changes:
            self._list(exchange)
        kind = _kind(exchange)
        if kind is not None:
            known = kind in self.failures or len(self.failures) < MOST_KINDS
            self.failures.setdefault(kind if known else Kind(kind.hop, REST), Failures()).take(exchange)
        elif exchange.number("status") >= _CALLER_ERROR:
            status = int(exchange.number("status"))
            self.refusals[status] = self.refusals.get(status, 0) + 1

    def _list(self, exchange: Exchange) -> None:
        if doubt_of(exchange):
            # At the end of a journal its settlements are known without looking for them.
            self._doubts.append(exchange)
            if len(self._doubts) == MOST_HELD:
                self._decide()
        elif exchange.outcome is not None and exchange.text("delivery") == "not-sent":
            self.not_sent.take(exchange)

    def _decide(self) -> None:
        """List what was in doubt by whether a person has settled it."""
        for exchange in self._doubts:
            (self.settled if exchange.settlements else self.in_doubt).take(exchange)
        self._doubts.clear()

    def _covers(self, when: str) -> bool:
        return when >= self.since and (not self.until or when < self.until)


def _kind(exchange: Exchange) -> Kind | None:
    """Return the kind of failure that an exchange is; None if it is none, or still runs."""
    if exchange.running:
        return None
    if exchange.outcome is None:
        return Kind("gateway", exchange.word)
    status, hop = exchange.number("status"), exchange.text("origin") or "gateway"
    if hop != _UPSTREAM:
        is_answer = status and status < _CALLER_ERROR and exchange.word == "answered"
        return None if is_answer else Kind(hop, exchange.text("code") or exchange.word)
    if status >= _SERVER_ERROR or status in _HOP_ERRORS:
        return Kind(hop, f"{status:g}")
    return None if exchange.word == "answered" else Kind(hop, exchange.word)
