"""Value with state: what is counted of exchanges, in plain Python.

Owns the counters that the data path adds to. Refuses to import prometheus_client, so that serving does not wait for
it; `observe.metrics.exchange_metrics` reads the counters on each scrape.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from fla_gateway.http1.method_labels import NAMES, OTHER
from fla_gateway.proxy.records.exchange_record import ExchangeRecord

# Seconds. A read of the API takes tens of milliseconds, a declaration up to some seconds, callers give up at ten.
BUCKETS: Final[tuple[float, ...]] = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_STATUSES: Final = frozenset((0, *HTTPStatus))


class Kind(NamedTuple):
    """What exchanges have in common that are counted together; every member comes from a closed set.

    Attributes:
        profile: name, empty where none was reached.
        method: a name of `http1.method_labels`, or ``OTHER``.
        status: status code, 0 where the caller was gone before one; of one that is not registered x00 (RFC 9110,
            section 15), since APIs may make up hundreds.
        origin: as in the record.
        code: as in the record.
        outcome: as in the record.
        caller: name, empty for unknown callers and where no callers are configured.
        observed: whether the policy would have refused it, and only observed.
    """

    profile: str
    method: str
    status: int
    origin: str
    code: str
    outcome: str
    caller: str
    observed: bool


class Durations:
    """Durations of one thing.

    Attributes:
        seconds: their sum.
        buckets: how many there were by length: one number for each of `BUCKETS`, not cumulative, and one for longer
            ones.
    """

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.seconds += seconds
        # Most are short: they have their place after some steps, and a bisection takes longer.
        place = 0
        for most in BUCKETS:
            if seconds <= most:
                break
            place += 1
        self.buckets[place] += 1

    def join(self, other: Durations) -> None:
        """Count all of another."""
        self.seconds += other.seconds
        self.buckets = [one + further for one, further in zip(self.buckets, other.buckets, strict=True)]


class Tally:
    """Counters of one kind of exchange.

    Attributes:
        kind: what they have in common.
        count: exchanges.
        whole: how long they took.
        upstream: how long the API took until the head of its answer, for those that it answered.
        received: bytes of request bodies.
        sent: bytes of response bodies.
        attempts: requests sent upstream.
    """

    __slots__ = ("attempts", "count", "kind", "received", "sent", "upstream", "whole")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.count = 0
        self.whole = Durations()
        self.upstream = Durations()
        self.received = 0
        self.sent = 0
        self.attempts = 0


class Counted(NamedTuple):
    """What was counted up to a moment, as far as kinds and profiles go.

    Attributes:
        tallies: one for each kind of exchange.
        token_waits: how long exchanges waited for a token, those that did, by profile.
        connection_waits: how long exchanges waited for a connection, those that did, by profile.
    """

    tallies: tuple[Tally, ...]
    token_waits: Mapping[str, Durations]
    connection_waits: Mapping[str, Durations]


class Counters:
    """Observer that counts. Made and used on the event loop's thread; about half a microsecond per exchange."""

    def __init__(self) -> None:
        # The key has the method as bytes, as the record brings it; only registered methods are in it.
        self._tallies: dict[tuple[str, bytes, int, str, str, str, str, bool], Tally] = {}
        self._token_waits: dict[str, Durations] = {}
        self._connection_waits: dict[str, Durations] = {}

    def exchange(self, record: ExchangeRecord) -> None:
        """Count one finished exchange."""
        profile, method = record.profile, record.method
        status, origin, code, outcome = record.status, record.origin, record.code, record.outcome
        caller, _, _, observed = record.admission
        tally = self._tallies.get((profile, method, status, origin, code, outcome, caller, observed))
        if tally is None:
            name = NAMES.get(method, OTHER)
            counted = status if status in _STATUSES else status // 100 * 100
            tally = self._first(Kind(profile, name, counted, origin, code, outcome, caller, observed))
        tally.count += 1
        tally.received += record.received
        tally.sent += record.sent
        tally.attempts += record.attempts
        tally.whole.add(record.seconds)
        if record.upstream_seconds:
            tally.upstream.add(record.upstream_seconds)
        if record.token_seconds:
            _add(self._token_waits, profile, record.token_seconds)
        if record.connection_seconds:
            _add(self._connection_waits, profile, record.connection_seconds)
        if record.refused is not None:
            tally.upstream.add(record.refused.seconds)

    def freeze(self) -> Counted:
        """Give the counters of every kind seen so far, for another thread to read; they go on counting."""
        return Counted(tuple(self._tallies.values()), dict(self._token_waits), dict(self._connection_waits))

    def _first(self, kind: Kind) -> Tally:
        """Find or make the tally of a first exchange of its kind, or of an unregistered method or status."""
        return self._tallies.setdefault((kind.profile, kind.method.encode(), *kind[2:]), Tally(kind))


def _add(durations: dict[str, Durations], profile: str, seconds: float) -> None:
    known = durations.get(profile)
    if known is None:
        known = durations[profile] = Durations()
    known.add(seconds)
