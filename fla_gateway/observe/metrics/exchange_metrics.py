"""Adapter: what was counted of exchanges becomes metric families.

Owns names, labels and help texts of the metrics about exchanges and callers. Refuses to know how anything is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import Metric

from fla_gateway.observe.metrics.counters import Counted, Durations, Tally
from fla_gateway.observe.metrics.families import Samples, counter, gauge, histogram


def status_class(status: int) -> str:
    """Give ``2xx`` and the like; ``none`` where no answer was given."""
    return f"{status // 100}xx" if status else "none"


def traffic(counted: Counted, in_flight: Mapping[str, int]) -> Iterator[Metric]:
    """Give every family about exchanges.

    Args:
        counted: what was counted.
        in_flight: exchanges that run, by profile.
    """
    tallies = counted.tallies
    yield from _exchanges(tallies)
    yield from _amounts(tallies)
    yield from _callers(tallies)
    yield from _durations(tallies)
    yield _waits("token", "a token", counted.token_waits)
    yield _waits("connection", "a connection to the API, after the token", counted.connection_waits)
    running: Samples = {(profile,): number for profile, number in in_flight.items()}
    yield gauge("profile_exchanges_in_flight", "Exchanges of a profile that run.", ("profile",), running)


def _exchanges(tallies: Sequence[Tally]) -> Iterator[Metric]:
    exchanges: Samples = defaultdict(float)
    outcomes: Samples = defaultdict(float)
    problems: Samples = defaultdict(float)
    for tally in tallies:
        kind = tally.kind
        exchanges[kind.profile, kind.method, status_class(kind.status), kind.origin] += tally.count
        outcomes[kind.profile, kind.outcome] += tally.count
        if kind.code:
            problems[kind.profile, kind.code] += tally.count
    yield counter("exchanges", "Finished exchanges.", ("profile", "method", "status_class", "origin"), exchanges)
    yield counter("exchange_outcomes", "Finished exchanges by how they ended.", ("profile", "outcome"), outcomes)
    yield counter("problems", "Answers of the gateway's own, by problem code.", ("profile", "code"), problems)


def _amounts(tallies: Sequence[Tally]) -> Iterator[Metric]:
    received: Samples = defaultdict(float)
    sent: Samples = defaultdict(float)
    attempts: Samples = defaultdict(float)
    for tally in tallies:
        label = (tally.kind.profile,)
        received[label] += tally.received
        sent[label] += tally.sent
        attempts[label] += tally.attempts
    yield counter("received_bytes", "Bytes of request bodies taken from callers.", ("profile",), received)
    yield counter("sent_bytes", "Bytes of response bodies given to callers.", ("profile",), sent)
    yield counter("upstream_requests", "Requests sent to the API, repetitions included.", ("profile",), attempts)


def _callers(tallies: Sequence[Tally]) -> Iterator[Metric]:
    requests: Samples = defaultdict(float)
    refusals: Samples = defaultdict(float)
    observed: Samples = defaultdict(float)
    for tally in tallies:
        kind = tally.kind
        if kind.caller:
            requests[kind.caller, kind.profile, kind.outcome] += tally.count
        if kind.outcome == "refused":
            refusals[kind.code, kind.caller] += tally.count
        if kind.observed:
            observed[kind.caller, kind.profile] += tally.count
    yield counter("caller_requests", "Exchanges of known callers.", ("caller", "profile", "outcome"), requests)
    yield counter("refusals", "Requests that the gateway refused, by problem code.", ("reason", "caller"), refusals)
    text = "Requests that the policy would have refused, let through because of observe_until."
    yield counter("policy_observed", text, ("caller", "profile"), observed)


def _durations(tallies: Sequence[Tally]) -> Iterator[Metric]:
    whole: dict[tuple[str, ...], Durations] = defaultdict(Durations)
    upstream: dict[tuple[str, ...], Durations] = defaultdict(Durations)
    for tally in tallies:
        kind = tally.kind
        whole[kind.profile, kind.method, kind.origin].join(tally.whole)
        if any(tally.upstream.buckets):
            upstream[kind.profile,].join(tally.upstream)
    text = "From the first byte of a request to the end of its answer."
    yield histogram("exchange_duration_seconds", text, ("profile", "method", "origin"), whole)
    text = "From the first byte sent to the API to the head of its answer."
    yield histogram("upstream_duration_seconds", text, ("profile",), upstream)


def _waits(name: str, what: str, waits: Mapping[str, Durations]) -> Metric:
    durations: dict[tuple[str, ...], Durations] = {(profile,): one for profile, one in waits.items()}
    return histogram(f"{name}_wait_seconds", f"How long exchanges waited for {what}.", ("profile",), durations)
