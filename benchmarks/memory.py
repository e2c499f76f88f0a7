"""Root: the gateway's memory, from outside: idle, under load, for each connection, and with ten thousand of them.

``python -m benchmarks.memory`` (or ``make bench-memory``). Owns the measurements and their limits. Sizes are the sum of
`VmRSS` of the process tree, and of it what belongs to no file (`RssAnon`): pages of files are shared with whatever else
uses them. Exit codes: 0 every limit kept, 1 one was not, 2 the work could not be set up.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import load, peers, phases, processes, programs, stage
from benchmarks.load import Address, Caller, LoadError
from benchmarks.peers import Peer
from benchmarks.phases import Amount, Bench
from benchmarks.run import STORE, UNFIT
from benchmarks.verdicts import MEMORY_LIMITS
from benchmarks.work import DECLARATIONS, POST_BYTES, Work

_LIMITS: Final = dict(MEMORY_LIMITS)
_MANY_LIMIT: Final = 300.0
_SAMPLE: Final = 1_000
"""The fewest idle connections from which the size of one is taken."""
_IN_FLIGHT: Final = 64
"""Exchanges at the same time: as many as the pool has connections."""
_SETTLE_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 60.0


class Size(NamedTuple):
    """Memory of a process tree, in MB: resident, and of that what belongs to no file."""

    resident: float
    anonymous: float


def main() -> int:
    """Measure, print, judge."""
    arguments = _arguments()
    if arguments.hold:
        return _hold(*arguments.hold)
    _raise_files(arguments.connections + _SAMPLE)
    try:
        with stage.workplace(STORE) as work, stage.government(work, processes.cores()[1]):
            ready = peers.gateways(work, STORE, compiled=arguments.compiled)
            good = all([*_loads(work, ready), _connections(work, ready[0], arguments.connections)])
    except (stage.StageError, programs.AbsentError, LoadError) as error:
        print(f"the work could not be set up: {error}", file=sys.stderr)
        return UNFIT
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description="The gateway's memory.")
    parser.add_argument("--connections", type=int, default=10_000, help="idle ones at the same time (default 10000)")
    parser.add_argument("--compiled", action="store_true", help="of the compiled wheel (make wheel)")
    parser.add_argument("--hold", type=int, nargs=2, metavar=("PORT", "NUMBER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.connections < _SAMPLE:
        parser.error(f"--connections is at least {_SAMPLE}")
    return arguments


def _raise_files(number: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = hard if hard != resource.RLIM_INFINITY else number * 2
    if room < number + 200:
        raise SystemExit(f"the hard limit of open files is {hard}: `ulimit -n {number * 2}` as root, and again")
    resource.setrlimit(resource.RLIMIT_NOFILE, (room, hard))


def _loads(work: Work, ready: list[Peer]) -> Iterator[bool]:
    """Measure what `make bench` measures of memory, of the gateway alone and of the one that guards and records."""
    core = processes.cores()[0]
    amount = Amount(rounds=1)
    direct = Address(work.upstream_port, trust=work.run / "ca.pem", bearer=work.bearer)
    bench = Bench(work, programs.installed("wrk"), core, direct, amount, lambda _: None)
    for sample in phases.memory(bench, ready):
        limit = _LIMITS[sample.what]
        kept = sample.value <= limit and not sample.errors
        errors = f", {sample.errors} ERRORS" if sample.errors else ""
        verdict = "kept" if kept else "MISSED"
        print(f"{sample.peer:<20} {sample.what:<24} {sample.value:7.1f} MB   limit {limit:g}   {verdict}{errors}")
        yield kept


def _connections(work: Work, peer: Peer, number: int) -> bool:
    """Measure a connection without a request, an exchange that waits for its body, and many connections."""
    path = work.run / "memory.toml"
    text = work.render("gateway.toml", port=peer.address.port, name=peer.name).read_text()
    path.write_text(text.replace("[gateway]", f"[gateway]\nmax_connections = {number + _SAMPLE}", 1))
    changed = dataclasses.replace(peer, command=(*peer.command[:-1], str(path)))
    core = processes.cores()[0]
    # Each on a gateway that has just been started: later, memory that was freed is used again.
    with stage.proxy(changed, work, core) as started:
        before = _size(started.pid)
        with _bodies_begun(peer.address):
            exchange = (_size(started.pid).resident - before.resident) / _IN_FLIGHT
    print(f"idle, without files' pages: {before.anonymous:.1f} MB")
    print(f"an exchange in flight, with its connections on both sides: {exchange * 1024:.0f} KB")
    with stage.proxy(changed, work, core) as started:
        before = _size(started.pid)
        with _held(started.pid, peer.address.port, number):
            many = _size(started.pid)
        after = _size(started.pid)
    one = (many.resident - before.resident) / number
    print(f"a caller's connection without a request: {one * 1024:.1f} KB")
    kept = many.resident <= _MANY_LIMIT
    verdict = "kept" if kept else "MISSED"
    print(f"{number} connections without a request: {many.resident:.1f} MB   limit {_MANY_LIMIT:g}   {verdict}")
    print(f"when they are closed: {after.resident:.1f} MB")
    return kept


@contextlib.contextmanager
def _bodies_begun(address: Address) -> Iterator[None]:
    """Let exchanges wait for the second half of their bodies; then send it."""
    head, half = address.head("POST", DECLARATIONS, POST_BYTES), b"x" * (POST_BYTES // 2)
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(Caller(address)) for _ in range(_IN_FLIGHT)]
        for caller in callers:
            caller.send(head + half)
        yield
        for caller in callers:
            caller.send(half)
        wrong = [answer.status for caller in callers if (answer := caller.receive()).status != 200]
    if wrong:
        raise LoadError(f"exchanges that were measured were answered with {wrong[0]}")


@contextlib.contextmanager
def _held(pid: int, port: int, number: int) -> Iterator[None]:
    """Have another process open connections, and close them at the end of the block."""
    before = _files(pid)
    command = [sys.executable, "-m", "benchmarks.memory", "--hold", str(port), str(number)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=Path(__file__).parents[1]) as process:
        try:
            _await(lambda: _files(pid) >= before + number or process.poll() is not None)
            if process.poll() is not None:
                raise LoadError(f"{number} connections could not be opened")
            yield
        finally:
            process.communicate()
    _await(lambda: _files(pid) <= before + 1)


def _hold(port: int, number: int) -> int:
    """Open connections, and keep them until standard input ends."""
    _raise_files(number)
    connections = [socket.create_connection(("127.0.0.1", port), load.TIMEOUT) for _ in range(number)]
    sys.stdin.read()
    for connection in connections:
        connection.close()
    return 0


def _await(condition: Callable[[], bool]) -> None:
    for _ in processes.wait_until(_PATIENCE_SECONDS, 0.05):
        if condition():
            return
    raise LoadError("what was opened or closed is not so after a minute")


def _files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - counted only


def _size(pid: int) -> Size:
    """Read the sizes when they have settled: the middle of three readings."""
    time.sleep(_SETTLE_SECONDS)
    readings = []
    for _ in range(3):
        readings.append(Size(processes.resident_megabytes(pid), processes.resident_megabytes(pid, "RssAnon")))
        time.sleep(0.1)
    return Size(*(statistics.median(column) for column in zip(*readings, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
