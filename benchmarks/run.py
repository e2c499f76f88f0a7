"""Root: one command that measures the gateway beside its peers and says whether the targets were reached.

``python -m benchmarks.run`` (or ``make bench``). Owns the arguments, the order of the phases and where results go.
Exit codes: 0 every target reached, 1 one was not, or a row is void, 2 the work could not be set up.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks import peers, phases, processes, programs, report, stage, verdicts
from benchmarks.load import LoadError
from benchmarks.peers import Peer
from benchmarks.phases import Amount, Bench
from benchmarks.report import Circumstances
from benchmarks.verdicts import Sample, Samples

ROOT: Final = Path(__file__).resolve().parent.parent
STORE: Final = ROOT / ".benchmark"
PERFORMANCE: Final = ROOT / "docs" / "performance.md"
PHASES: Final = ("start", "cpu", "guards", "bulk", "latency", "memory")

QUICK: Final = Amount(
    rounds=3,
    connections=(16,),
    bulk_rounds=1,
    bulk_bodies=16,
    latency_rounds=1,
    rates=((20, 40), (200, 200), (2000, 2000)),
    memory_bodies=32,
    starts=2,
)

WELL: Final = 0
SHORT: Final = 1
UNFIT: Final = 2
INTERRUPTED: Final = 130

_BEGIN: Final = "<!-- figures: written by make bench ARGS=--markdown -->"
_END: Final = "<!-- end of figures -->"


def main() -> int:
    """Measure, report, judge."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that every block takes down its own
    try:
        return _run(arguments)
    except (stage.StageError, programs.AbsentError, report.PartError, LoadError) as error:
        print(f"the work could not be set up: {error}", file=sys.stderr)
        return UNFIT
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return INTERRUPTED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Measure the gateway and its peers.")
    parser.add_argument("--rounds", type=int, default=0, help="pairs for each row of CPU per request (default 9)")
    parser.add_argument("--quick", action="store_true", help="few rounds, 16 connections only: a look, not a result")
    parser.add_argument("--peers", default=",".join(peers.USUAL), help="proxies to measure; nginx always is")
    parser.add_argument("--phases", default=",".join(PHASES), help="what to measure (default: everything)")
    parser.add_argument("--connections", type=int, nargs="+", help="of callers, for CPU per request (default 1 16 64)")
    parser.add_argument(
        "--add-to", type=Path, help="a long run in parts: join the readings with this file's, write all there"
    )
    parser.add_argument("--markdown", action="store_true", help="also put the tables into docs/performance.md")
    arguments = parser.parse_args()
    arguments.peers = _names(parser, arguments.peers, peers.NAMES, always=peers.REFERENCE)
    arguments.phases = _names(parser, arguments.phases, PHASES)
    return arguments


def _names(parser: argparse.ArgumentParser, given: str, known: Sequence[str], always: str = "") -> list[str]:
    wanted = {word.strip() for word in given.split(",") if word.strip()}
    if unknown := wanted - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return [name for name in known if name in wanted or name == always]


def _run(arguments: argparse.Namespace) -> int:
    begin = dt.datetime.now(dt.UTC)
    amount = QUICK if arguments.quick else Amount(rounds=9)
    if arguments.rounds:
        amount = dataclasses.replace(amount, rounds=arguments.rounds, latency_rounds=arguments.rounds)
    if arguments.connections:
        amount = dataclasses.replace(amount, connections=tuple(arguments.connections))
    wrk = programs.installed("wrk")
    proxy_core, load_core = processes.cores()
    load_average, clock, stolen = os.getloadavg(), time.perf_counter(), processes.steal_seconds()
    with contextlib.ExitStack() as stack:
        work = stack.enter_context(stage.workplace(STORE))
        ready, absent = peers.prepare(arguments.peers, work, STORE)
        stack.enter_context(processes.pinned(load_core))
        direct = stack.enter_context(stage.government(work, load_core))
        bench = Bench(work, wrk, proxy_core, direct, amount, lambda line: print(line, flush=True))
        samples = Samples(tuple(_measure(bench, ready, arguments.phases)))
    steal = (processes.steal_seconds() - stolen) / (time.perf_counter() - clock) / (os.cpu_count() or 1)
    circumstances = Circumstances(
        date=begin.isoformat(timespec="seconds"),
        machine=_machine(proxy_core, load_core),
        versions={**{one.name: one.version for one in ready}, "wrk": programs.version([wrk, "-v"])},
        absent=absent,
        load=f"load average {load_average[0]:.1f} at the start; {steal:.1%} of the time kept by the host",
        amount=f"{', '.join(arguments.phases)}: {amount.rounds} pairs of {amount.seconds} s, {amount.starts} starts",
    )
    return _publish(circumstances, samples, arguments)


def _measure(bench: Bench, ready: Sequence[Peer], wanted: Sequence[str]) -> Iterator[Sample]:
    """Run the phases: first those that start proxies one by one, then those with all of them up."""
    if "start" in wanted:
        yield from phases.start(bench, ready)
    if "memory" in wanted:
        yield from phases.memory(bench, ready)
    together = {"cpu": phases.cpu, "guards": phases.guards, "bulk": phases.bulk, "latency": phases.latency}
    if not together.keys() & set(wanted):
        return
    with phases.all_running(bench, ready) as started:
        for name, phase in together.items():
            if name in wanted:
                yield from phase(bench, started)


def _publish(circumstances: Circumstances, samples: Samples, arguments: argparse.Namespace) -> int:
    """Print the report, keep the readings, and give the exit code."""
    path = arguments.add_to or STORE / "results" / f"{circumstances.date.replace(':', '')}.json"
    if arguments.add_to and path.exists():
        before = json.loads(path.read_text())
        circumstances = report.joined(Circumstances(**before["circumstances"]), circumstances)
        samples = Samples.of_plain(before["samples"]) + samples
    reached = verdicts.judge(samples)
    text = report.write(circumstances, samples, reached, arguments.peers)
    print(f"\n{text}")
    path.parent.mkdir(exist_ok=True)
    content = {
        "circumstances": dataclasses.asdict(circumstances),
        "targets": [{**dataclasses.asdict(one), "passed": one.passed} for one in reached],
        "samples": samples.plain(),
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"readings: {path}")
    if arguments.markdown:
        _put_into(PERFORMANCE, text)
        print(f"tables: {PERFORMANCE.relative_to(ROOT)}")
    void = any(one.errors for one in samples.every)
    return WELL if all(one.passed for one in reached) and not void else SHORT


def _put_into(page: Path, text: str) -> None:
    before, begin, rest = page.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise stage.StageError(f"{page} has lost the two comments between which the tables stand")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}")


def _machine(proxy_core: int, load_core: int) -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    shared = " (ONE CORE FOR BOTH: figures are not comparable)" if proxy_core == load_core else ""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    pinning = f"proxy on core {proxy_core}, API and load on core {load_core}{shared}"
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}; {pinning}; commit {commit or 'unknown'}"


if __name__ == "__main__":
    sys.exit(main())
