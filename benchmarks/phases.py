"""Port: the measurements, each a sequence of loads and readings that gives samples.

Owns the order of the readings, above all that each of a proxy's stands beside one of what it is compared with, mostly
nginx (A B A B), so that what else the machine does meanwhile touches both. Refuses to start the API, to summarise and
to judge.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks import load, processes, stage
from benchmarks.fixed_rate import fixed_rate
from benchmarks.load import Address
from benchmarks.peers import GATEWAY_COMPILED, GUARDED_COMPILED, REFERENCE, Peer
from benchmarks.stage import Started
from benchmarks.verdicts import Sample
from benchmarks.work import BULK_BYTES, DECLARATIONS, DOWNLOAD, ITEMS, POST_BYTES, UPLOAD, Work

_SCRIPTS: Final = {"GET": "get.lua", "POST": "post.lua"}
LATENCY_CONNECTIONS: Final = 16
_GUARDS_CONNECTIONS: Final = 16
_ROUNDS_OF_GUARDS: Final = 3
"""Pairs for each round of the other tables: a difference of a tenth needs more of them than one of a half."""
_SETTLE_SECONDS: Final = 0.02  # for a proxy to finish what it does after its last answer: counters, log lines
_BULK_CONNECTIONS: Final = 4
_MEMORY_CONNECTIONS: Final = 16

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured.

    Attributes:
        rounds: pairs for each row of the CPU table.
        seconds: length of one reading.
        connections: the numbers of callers' connections.
        bulk_rounds: pairs for each row of the table of large bodies.
        bulk_bodies: bodies in one reading.
        latency_rounds: repetitions of the latency at each fixed rate.
        rates: requests per second and how many of them, for each of these.
        memory_bodies: bodies sent while the resident size is watched.
        starts: starts of each proxy.
    """

    rounds: int
    seconds: int = 1
    connections: tuple[int, ...] = (1, 16, 64)
    bulk_rounds: int = 5
    bulk_bodies: int = 40
    latency_rounds: int = 3
    rates: tuple[tuple[int, int], ...] = ((20, 100), (200, 1000), (2000, 6000))
    memory_bodies: int = 96
    starts: int = 5


@dataclass(frozen=True, slots=True)
class Bench:
    """What every phase needs.

    Attributes:
        work: this run's place.
        wrk: the program.
        proxy_core: where proxies run.
        direct: the API's own address.
        amount: how much to measure.
        tell: takes a line for whoever watches.
    """

    work: Work
    wrk: Path
    proxy_core: int
    direct: Address
    amount: Amount
    tell: Tell


@contextlib.contextmanager
def all_running(bench: Bench, peers: Sequence[Peer]) -> Iterator[list[Started]]:
    """Run all proxies at once; those that are not being measured are asleep."""
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(stage.proxy(peer, bench.work, bench.proxy_core)) for peer in peers]
        for one in started:
            stage.check(one)
        yield started


def cpu(bench: Bench, started: Sequence[Started]) -> Iterator[Sample]:
    """Measure CPU per small request."""
    for number in range(bench.amount.rounds):
        for what in _SCRIPTS:
            for connections in bench.amount.connections:
                for reference, one in _pairs(started, number):
                    nginx, nginx_loop = _per_request(bench, reference, what, connections)
                    again = one is reference
                    value, loop = (nginx, nginx_loop) if again else _per_request(bench, one, what, connections)
                    sample = Sample(
                        "cpu", what, connections, one.peer.name, number, value, nginx, loop.per_second,
                        loop.errors + (0 if one is reference else nginx_loop.errors), loop.curve,
                    )  # fmt: skip
                    _tell(bench, one, sample, "us/request")
                    yield sample


def guards(bench: Bench, started: Sequence[Started]) -> Iterator[Sample]:
    """Measure what callers, limits and journal cost, compiled: the gateway with them directly beside one without.

    Which of the two comes first changes from round to round, so that neither always follows a warmer machine.
    """
    by_name = {one.peer.name: one for one in started}
    plain, guarded = by_name.get(GATEWAY_COMPILED), by_name.get(GUARDED_COMPILED)
    if plain is None or guarded is None:
        return
    for number in range(bench.amount.rounds * _ROUNDS_OF_GUARDS):
        for what in _SCRIPTS:
            pair = (plain, guarded) if number % 2 else (guarded, plain)
            readings = {one.peer.name: _per_request(bench, one, what, _GUARDS_CONNECTIONS) for one in pair}
            (without, without_loop), (value, loop) = readings[GATEWAY_COMPILED], readings[GUARDED_COMPILED]
            errors = loop.errors + without_loop.errors
            sample = Sample(
                "guards", what, _GUARDS_CONNECTIONS, GUARDED_COMPILED, number, value, without, loop.per_second, errors
            )
            _tell(bench, guarded, sample, "us/request", beside=GATEWAY_COMPILED)
            yield sample


def _per_request(bench: Bench, one: Started, what: str, connections: int) -> tuple[float, load.Wrk]:
    """Read the microseconds of CPU per small request, beside what the load says of them."""
    path, body = (ITEMS, b"") if what == "GET" else (DECLARATIONS, b"x" * POST_BYTES)
    address = one.peer.address
    script = bench.work.render(_SCRIPTS[what])
    failed = load.open_connections(address, address.head(what, path, len(body)), body, connections)
    before = processes.cpu_seconds(one.pid)
    loop = load.closed_loop(bench.wrk, script, address.url(path), connections, bench.amount.seconds)
    time.sleep(_SETTLE_SECONDS)
    spent = processes.cpu_seconds(one.pid) - before
    return spent * 1e6 / max(1, loop.requests), replace(loop, errors=loop.errors + failed)


def bulk(bench: Bench, started: Sequence[Started]) -> Iterator[Sample]:
    """Measure CPU per 10 MB of body."""

    def read(one: Started, what: str) -> tuple[float, int]:
        path, body = (DOWNLOAD, b"") if what == "down" else (UPLOAD, bytes(BULK_BYTES))
        failed = load.large_bodies(one.peer.address, path, body, _BULK_CONNECTIONS, _BULK_CONNECTIONS)
        before = processes.cpu_seconds(one.pid)
        bodies = bench.amount.bulk_bodies
        failed += load.large_bodies(one.peer.address, path, body, _BULK_CONNECTIONS, bodies)
        time.sleep(_SETTLE_SECONDS)
        return (processes.cpu_seconds(one.pid) - before) * 1e3 / bodies, failed

    for number in range(bench.amount.bulk_rounds):
        for what in ("down", "up"):
            for reference, one in _pairs(started, number):
                nginx, nginx_failed = read(reference, what)
                value, failed = (nginx, nginx_failed) if one is reference else read(one, what)
                errors = failed + (0 if one is reference else nginx_failed)
                sample = Sample("bulk", what, _BULK_CONNECTIONS, one.peer.name, number, value, nginx, errors=errors)
                _tell(bench, one, sample, "ms/10 MB")
                yield sample


def latency(bench: Bench, started: Sequence[Started]) -> Iterator[Sample]:
    """Measure latency at fixed rates, without a proxy first; at saturation `cpu` does."""
    routes = [("direct", bench.direct), *((one.peer.name, one.peer.address) for one in started)]
    for number in range(bench.amount.latency_rounds):
        for rate, count in bench.amount.rates:
            for name, address in routes:
                outcome = fixed_rate(address, ITEMS, rate, count, LATENCY_CONNECTIONS)
                curve = outcome.curve()
                sample = Sample(
                    "latency", f"{rate}/s", LATENCY_CONNECTIONS, name, number, curve["p50"],
                    per_second=rate, errors=outcome.errors, curve=curve,
                )  # fmt: skip
                bench.tell(_line(sample, "us p50"))
                yield sample


def memory(bench: Bench, peers: Sequence[Peer]) -> Iterator[Sample]:
    """Measure the resident size of each proxy, freshly started: idle, and its peak under three loads, then again."""
    for peer in peers:
        with stage.proxy(peer, bench.work, bench.proxy_core) as started:
            time.sleep(1)
            readings = [("idle", processes.resident_megabytes(started.pid), 0)]
            for what, call in _memory_loads(bench, peer):
                with processes.peak_of(started.pid) as peak:
                    errors = call()
                readings.append((what, peak[0], errors))
            for what, value, errors in readings:
                sample = Sample("memory", what, 0, peer.name, 0, value, errors=errors)
                bench.tell(_line(sample, "MB"))
                yield sample


def _memory_loads(bench: Bench, peer: Peer) -> list[tuple[str, Callable[[], int]]]:
    script = bench.work.render("get.lua")

    def many() -> int:
        return load.closed_loop(bench.wrk, script, peer.address.url(ITEMS), 64, bench.amount.seconds * 2).errors

    def large(path: str, body: bytes) -> int:
        return load.large_bodies(peer.address, path, body, _MEMORY_CONNECTIONS, bench.amount.memory_bodies)

    return [
        ("64 connections", many),
        ("16 x 10 MB down", lambda: large(DOWNLOAD, b"")),
        ("16 x 10 MB down, again", lambda: large(DOWNLOAD, b"")),
        ("16 x 10 MB up", lambda: large(UPLOAD, bytes(BULK_BYTES))),
        ("16 x 10 MB up, again", lambda: large(UPLOAD, bytes(BULK_BYTES))),
    ]


def start(bench: Bench, peers: Sequence[Peer]) -> Iterator[Sample]:
    """Measure the time from starting a proxy to its first forwarded answer; one start before does not count."""
    for peer in peers:
        for number in range(-1, bench.amount.starts):
            with stage.proxy(peer, bench.work, bench.proxy_core) as started:
                sample = Sample("start", "", 0, peer.name, number, started.seconds)
            if number >= 0:
                bench.tell(_line(sample, "s"))
                yield sample


def _pairs(started: Sequence[Started], number: int) -> Iterator[tuple[Started, Started]]:
    """Pair each proxy with nginx; who is first changes from round to round. Nginx by itself stands for its own row."""
    reference = next(one for one in started if one.peer.name == REFERENCE)
    others = [one for one in started if one is not reference]
    turn = number % max(1, len(others))
    yield reference, reference
    for one in others[turn:] + others[:turn]:
        yield reference, one


def _tell(bench: Bench, one: Started, sample: Sample, unit: str, beside: str = REFERENCE) -> None:
    """Say what was read, and after errors what the proxy answers now: a void row needs a reason."""
    bench.tell(_line(sample, unit, beside))
    if sample.errors:
        bench.tell(f"   {one.peer.name} now answers {stage.describe(one.peer)}")


def _line(sample: Sample, unit: str, beside: str = REFERENCE) -> str:
    place = f"{sample.phase} {sample.what}".strip()
    connections = f" c={sample.connections}" if sample.connections else ""
    ratio = f"  {sample.value / sample.reference:5.2f} x {beside}" if sample.reference else ""
    errors = f"  {sample.errors} ERRORS" if sample.errors else ""
    return f"{sample.round + 1:2} {place}{connections} {sample.peer}: {sample.value:.2f} {unit}{ratio}{errors}"
