"""Port: the gateway's numbers in the Prometheus text format.

Owns names, labels and help texts of the metrics; docs/metrics.md is compared with them by a test. Refuses to count:
it reads the counters and asks the suppliers when somebody scrapes. The one module that imports prometheus_client.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fla_gateway import __version__
from fla_gateway.observe.counters import BUCKETS, Counters, Kind, Tally
from fla_gateway.profiles import Profile
from fla_gateway.proxy.record import DoorSnapshot, PoolSnapshot
from fla_gateway.tokens.snapshot import TokenSnapshot

PREFIX: Final = "fla_gateway_"
STATES: Final = ("fresh", "stale", "expired", "none")

_BOUNDS: Final = (*(str(bound) for bound in BUCKETS), "+Inf")


@dataclass(frozen=True, slots=True)
class Suppliers:
    """Where the numbers come from that are not counted per exchange; each is called once per scrape.

    Attributes:
        tokens: entries of the token cache.
        pools: connections to the API, one snapshot per profile.
        doors: the callers' side.
        offsets: learned clock offset in seconds by token server.
        certificates: end of validity, in seconds since 1970, by name of the key.
        dropped: request lines lost since the start.
    """

    tokens: Callable[[], Iterable[TokenSnapshot]]
    pools: Callable[[], Iterable[PoolSnapshot]]
    doors: Callable[[], DoorSnapshot]
    offsets: Callable[[], Mapping[str, float]]
    certificates: Callable[[], Mapping[str, float]]
    dropped: Callable[[], int]


class Exposition:
    """The numbers of one gateway, in a registry of its own.

    Args:
        counters: what the data path counted.
        profiles: every profile served, so that a token is named after the profiles that use it.
        suppliers: the rest.
    """

    def __init__(self, counters: Counters, profiles: Sequence[Profile], suppliers: Suppliers) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_GatewayCollector(counters, tuple(profiles), suppliers))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Write the exposition (text format 0.0.4). Call it on the event loop's thread: the suppliers live there."""
        return generate_latest(self._registry)


class _GatewayCollector(Collector):
    def __init__(self, counters: Counters, profiles: tuple[Profile, ...], suppliers: Suppliers) -> None:
        self._counters = counters
        self._profiles = profiles
        self._suppliers = suppliers

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: registration must not call the suppliers, which may not be ready yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        tallies = list(self._counters.read())
        suppliers = self._suppliers
        yield _gauge("build_info", "Version of the gateway; always 1.", ("version",), {(__version__,): 1})
        yield from _exchange_counts(tallies)
        yield _durations(tallies)
        yield from _token_states(self._profiles, {one.request: one for one in suppliers.tokens()})
        yield from _connections(list(suppliers.pools()))
        yield from _callers(suppliers.doors())
        yield _gauge(
            "token_server_clock_offset_seconds",
            "The token server's clock less the host's, as learned.",
            ("server",),
            {(server,): offset for server, offset in suppliers.offsets().items()},
        )
        yield _gauge(
            "certificate_not_after_timestamp_seconds",
            "End of validity of a key's certificate, in seconds since 1970.",
            ("key",),
            {(key,): moment for key, moment in suppliers.certificates().items()},
        )
        lines = "Request lines lost because standard output was not read, or failed."
        yield _counter("request_lines_dropped", lines, (), {(): suppliers.dropped()})


# Numbers by the values of the labels.
Samples = dict[tuple[str, ...], float]


def _counter(name: str, text: str, labels: Sequence[str], samples: Samples) -> Metric:
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


def _gauge(name: str, text: str, labels: Sequence[str], samples: Samples) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


def status_class(status: int) -> str:
    """Give ``2xx`` and the like; ``none`` where no answer was given."""
    return f"{status // 100}xx" if status else "none"


def _exchange_counts(tallies: Sequence[tuple[Kind, Tally]]) -> Iterator[Metric]:
    exchanges: Samples = defaultdict(float)
    outcomes: Samples = defaultdict(float)
    problems: Samples = defaultdict(float)
    received: Samples = defaultdict(float)
    sent: Samples = defaultdict(float)
    attempts: Samples = defaultdict(float)
    for kind, tally in tallies:
        exchanges[kind.profile, kind.method, status_class(kind.status), kind.origin] += tally.count
        outcomes[kind.profile, kind.outcome] += tally.count
        if kind.code:
            problems[kind.profile, kind.code] += tally.count
        received[kind.profile,] += tally.received
        sent[kind.profile,] += tally.sent
        attempts[kind.profile,] += tally.attempts
    yield _counter("exchanges", "Finished exchanges.", ("profile", "method", "status_class", "origin"), exchanges)
    yield _counter("exchange_outcomes", "Finished exchanges by how they ended.", ("profile", "outcome"), outcomes)
    yield _counter("problems", "Answers of the gateway's own, by problem code.", ("profile", "code"), problems)
    yield _counter("received_bytes", "Bytes of request bodies taken from callers.", ("profile",), received)
    yield _counter("sent_bytes", "Bytes of response bodies given to callers.", ("profile",), sent)
    yield _counter("upstream_requests", "Requests sent to the API, repetitions included.", ("profile",), attempts)


def _durations(tallies: Sequence[tuple[Kind, Tally]]) -> Metric:
    sums: Samples = {}
    buckets: dict[tuple[str, ...], list[int]] = {}
    for kind, tally in tallies:
        labels: tuple[str, ...] = (kind.profile, kind.method, kind.origin)
        sums[labels] = sums.get(labels, 0.0) + tally.seconds
        known = buckets.get(labels, [0] * len(tally.buckets))
        buckets[labels] = [one + other for one, other in zip(known, tally.buckets, strict=True)]
    family = HistogramMetricFamily(
        PREFIX + "exchange_duration_seconds",
        "From the first byte of a request to the end of its answer.",
        labels=("profile", "method", "origin"),
    )
    for labels, counts in buckets.items():
        cumulative = list(zip(_BOUNDS, accumulate(counts), strict=True))
        family.add_metric(labels, cumulative, sum_value=sums[labels])
    return family


def _token_states(profiles: Sequence[Profile], snapshots: Mapping[object, TokenSnapshot]) -> Iterator[Metric]:
    states: Samples = {}
    ages: Samples = {}
    rests: Samples = {}
    backoffs: Samples = {}
    mints: Samples = {}
    for profile in profiles:
        snapshot = snapshots.get(profile.token_request)
        state = snapshot.state if snapshot else "none"
        states.update({(profile.name, one): float(one == state) for one in STATES})
        if snapshot is None:
            continue
        if snapshot.age_seconds is not None:
            ages[profile.name,] = snapshot.age_seconds
        if snapshot.expires_in_seconds is not None:
            rests[profile.name,] = snapshot.expires_in_seconds
        backoffs[profile.name,] = snapshot.backoff_seconds
        mints.update({(profile.name, result): number for result, number in snapshot.mints.items()})
    yield _gauge("token_state", "1 for the state that the profile's token is in.", ("profile", "state"), states)
    yield _gauge("token_age_seconds", "Since the profile's token was asked for.", ("profile",), ages)
    yield _gauge("token_expires_in_seconds", "To the end of the token's life.", ("profile",), rests)
    yield _gauge("token_backoff_seconds", "Until the next attempt to get a token; 0 if none.", ("profile",), backoffs)
    yield _counter("token_mints", "Attempts to get a token: ok, or a problem code.", ("profile", "result"), mints)


def _connections(pools: Sequence[PoolSnapshot]) -> Iterator[Metric]:
    label = ("profile",)
    states: Samples = {
        (pool.profile, state): float(number)
        for pool in pools
        for state, number in (("idle", pool.idle), ("busy", pool.busy), ("opening", pool.opening))
    }
    waiting: Samples = {(pool.profile,): pool.waiting for pool in pools}
    opened: Samples = {(pool.profile,): pool.opened for pool in pools}
    reused: Samples = {(pool.profile,): pool.reused for pool in pools}
    failed: Samples = {(pool.profile,): pool.failed for pool in pools}
    yield _gauge("upstream_connections", "Connections to the API.", ("profile", "state"), states)
    yield _gauge("upstream_waiting", "Requests that wait for a connection to the API.", label, waiting)
    yield _counter("upstream_connections_opened", "Connections to the API that were opened.", label, opened)
    yield _counter("upstream_connections_reused", "Exchanges that found an open connection.", label, reused)
    yield _counter("upstream_connections_failed", "Connections to the API that could not be opened.", label, failed)


def _callers(doors: DoorSnapshot) -> Iterator[Metric]:
    yield _gauge("caller_connections", "Callers' connections that are open.", (), {(): doors.connections})
    yield _gauge("exchanges_in_flight", "Exchanges that run.", (), {(): doors.in_flight})
    limited = "1 while the gateway does not accept connections because a limit is reached."
    yield _gauge("accepting_limited", limited, (), {(): float(doors.limited)})
