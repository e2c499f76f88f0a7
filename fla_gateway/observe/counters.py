"""Value with state: what is counted of exchanges, in plain Python.

Owns the counters that the data path adds to. Refuses to import prometheus_client, so that serving does not wait for
it; `observe.metrics` reads the counters when somebody scrapes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from fla_gateway.observe.methods import NAMES, OTHER
from fla_gateway.proxy.record import ExchangeRecord

# Seconds. A read of the API takes tens of milliseconds, a declaration up to some seconds, callers give up at ten.
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Kind(NamedTuple):
    """What exchanges have in common that are counted together; every member comes from a closed set.

    Attributes:
        profile: name, empty where none was reached.
        method: a name of `observe.methods`, or ``OTHER``.
        status: status code, 0 where the caller was gone before one.
        origin: as in the record.
        code: as in the record.
        outcome: as in the record.
    """

    profile: str
    method: str
    status: int
    origin: str
    code: str
    outcome: str


class Tally:
    """Counters of one kind of exchange.

    Attributes:
        count: exchanges.
        seconds: sum of their durations.
        received: bytes of request bodies.
        sent: bytes of response bodies.
        attempts: requests sent upstream.
        buckets: exchanges by duration: one number for each of `BUCKETS`, not cumulative, and one for longer ones.
    """

    __slots__ = ("attempts", "buckets", "count", "received", "seconds", "sent")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.received = 0
        self.sent = 0
        self.attempts = 0
        self.buckets = [0] * (len(BUCKETS) + 1)


class Counters:
    """Observer that counts. Made and used on the event loop's thread; about half a microsecond per exchange."""

    def __init__(self) -> None:
        # The key has the method as bytes, as the record brings it; only registered methods get in.
        self._tallies: dict[tuple[str, bytes, int, str, str, str], Tally] = {}

    def exchange(self, record: ExchangeRecord) -> None:
        """Count one finished exchange."""
        _, profile, method, _, status, origin, code, outcome, received, sent, seconds, attempts = record[:12]
        tally = self._tallies.get((profile, method, status, origin, code, outcome))
        if tally is None:
            tally = self._other(profile, method, status, origin, code, outcome)
        tally.count += 1
        tally.seconds += seconds
        tally.received += received
        tally.sent += sent
        tally.attempts += attempts
        tally.buckets[bisect_left(BUCKETS, seconds)] += 1

    def read(self) -> Iterator[tuple[Kind, Tally]]:
        """Give every kind seen so far with its counters, which go on changing."""
        for (profile, method, status, origin, code, outcome), tally in list(self._tallies.items()):
            yield Kind(profile, NAMES.get(method, OTHER), status, origin, code, outcome), tally

    def _other(self, profile: str, method: bytes, status: int, origin: str, code: str, outcome: str) -> Tally:
        """Find or make the tally of a first exchange of its kind, or of an unregistered method."""
        known = method if method in NAMES else OTHER.encode()
        return self._tallies.setdefault((profile, known, status, origin, code, outcome), Tally())
