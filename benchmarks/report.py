"""Rule: writes a run's figures as tables that read well in a terminal and are Markdown.

Owns columns and wording. Refuses to compute: every figure comes from `verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.fixed_rate import PERCENTILES
from benchmarks.peers import GUARDED_COMPILED
from benchmarks.verdicts import Samples, Spread, Verdict

_OTHERS: Final = ("envoy", "go")
_MEMORY: Final = (
    "idle",
    "64 connections",
    "16 x 10 MB down",
    "16 x 10 MB down, again",
    "16 x 10 MB up",
    "16 x 10 MB up, again",
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a reader must know to compare two runs.

    Attributes:
        date: of the run's start, ISO 8601.
        machine: processor, cores, kernel.
        versions: of every program by name.
        absent: proxies that could not be had, with the reason.
        load: the machine's load average at the start, and the share of time that its host kept from it.
        amount: rounds and lengths.
    """

    date: str
    machine: str
    versions: dict[str, str]
    absent: dict[str, str]
    load: str
    amount: str


class PartError(Exception):
    """Two parts of a run are of different machines or programs."""


def joined(first: Circumstances, second: Circumstances) -> Circumstances:
    """Join the circumstances of two parts of a run.

    Raises:
        PartError: they cannot be parts of one.
    """
    if first.machine != second.machine or any(
        first.versions[name] != version for name, version in second.versions.items() if name in first.versions
    ):
        raise PartError("the earlier part was on another machine, or of other versions")
    return replace(
        second,
        date=f"{first.date}, {second.date}",
        versions={**first.versions, **second.versions},
        absent={**first.absent, **second.absent},
        load=f"{first.load}; then {second.load}",
        amount=f"{first.amount}; then {second.amount}",
    )


def write(circumstances: Circumstances, samples: Samples, verdicts: Sequence[Verdict], peers: Sequence[str]) -> str:
    """Write the whole report.

    Args:
        circumstances: of the run.
        samples: its readings.
        verdicts: its targets.
        peers: the proxies asked for, in the order of the rows.
    """
    absent = circumstances.absent
    sections = {
        "cpu": ("CPU per request", _per_request),
        "guards": ("CPU per request of callers, limits and journal, compiled, 16 connections", _guards),
        "bulk": ("CPU per 10 MB of body, 4 connections", _per_body),
        "latency": ("Latency of a GET at fixed rates and at saturation, 16 connections (microseconds)", _latency),
        "memory": ("Resident memory (MB)", _memory),
        "start": ("Start to first forwarded answer", _start),
    }
    measured = {one.phase for one in samples.every}
    parts = [_circumstances(circumstances), "### Targets\n\n" + _targets(verdicts)]
    parts += [
        f"### {title}\n\n{section(samples, peers, absent)}"
        for phase, (title, section) in sections.items()
        if phase in measured
    ]
    return "\n\n".join(parts) + "\n"


def _circumstances(circumstances: Circumstances) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in circumstances.versions.items())
    lines = [
        f"- Date: {circumstances.date}",
        f"- Machine: {circumstances.machine}",
        f"- Versions: {versions}",
        f"- Amount: {circumstances.amount}",
        f"- Other work on the machine: {circumstances.load}",
        *(f"- ABSENT: {name}: {reason}" for name, reason in circumstances.absent.items()),
    ]
    return "\n".join(lines)


def _targets(verdicts: Sequence[Verdict]) -> str:
    rows = [
        [
            one.what,
            f"<= {one.limit:g} {one.unit}",
            "-" if one.reached is None else f"{one.reached:.2f} {one.unit}",
            one.note,
            "pass" if one.passed else "no figure" if one.reached is None else "FAIL",
        ]
        for one in verdicts
    ]
    return table(["target", "limit", "reached", "spread", "verdict"], rows)


def _per_request(samples: Samples, peers: Sequence[str], absent: dict[str, str]) -> str:
    works = dict.fromkeys((one.what, one.connections) for one in samples.every if one.phase == "cpu")
    heads = [
        "work", "proxy", "us/request", "IQR", "vCPU/1,000/s", "x nginx", "IQR", "x envoy", "IQR", "x go", "IQR",
        "requests/s", "errors",
    ]  # fmt: skip
    rows: list[list[str]] = []
    for what, connections in sorted(works):
        for peer in peers:
            key = ("cpu", what, connections, peer)
            label = [f"{what}, {connections} conn.", peer]
            speeds = Spread.of([one.per_second for one in samples.select(*key)])
            value = samples.value(*key)
            middle = _cpu_columns(samples, *key)
            middle.insert(2, f"{value.median / 1000:.3f}" if value else "-")  # a second of one core is a vCPU
            rows.append(_row(label, [*middle, f"{speeds.median:.0f}" if speeds else "-"], samples.errors(*key), absent))
    return table(heads, rows)


def _guards(samples: Samples, _: Sequence[str], absent: dict[str, str]) -> str:
    heads = ["work", "proxy", "us/request", "IQR", "x without", "IQR", "errors"]
    rows: list[list[str]] = []
    for what in ("GET", "POST"):
        key = ("guards", what, 16, GUARDED_COMPILED)
        figures = [*_median_and_quartiles(samples.value(*key), 1), *_median_and_quartiles(samples.ratio(*key), 2)]
        rows.append(_row([what, GUARDED_COMPILED], figures, samples.errors(*key), absent))
    return table(heads, rows)


def _per_body(samples: Samples, peers: Sequence[str], absent: dict[str, str]) -> str:
    heads = ["way", "proxy", "ms/10 MB", "IQR", "x nginx", "IQR", "x envoy", "IQR", "x go", "IQR", "errors"]
    rows: list[list[str]] = []
    for what in ("down", "up"):
        for peer in peers:
            key = ("bulk", what, 4, peer)
            rows.append(_row([what, peer], _cpu_columns(samples, *key), samples.errors(*key), absent))
    return table(heads, rows)


def _cpu_columns(samples: Samples, phase: str, what: str, connections: int, peer: str) -> list[str]:
    value = samples.value(phase, what, connections, peer)
    ratio = samples.ratio(phase, what, connections, peer)
    between = [samples.ratio_between(phase, what, connections, (peer, other)) for other in _OTHERS]
    return [
        *_median_and_quartiles(value, 1),
        *_median_and_quartiles(ratio, 2),
        *(cell for one in between for cell in _median_and_quartiles(one, 2)),
    ]


def _latency(samples: Samples, peers: Sequence[str], absent: dict[str, str]) -> str:
    """Write a curve in each row: percentiles of each rate, and of the closed loop with as many connections."""
    names = [f"p{one:g}" for one in PERCENTILES]
    rates = dict.fromkeys(one.what for one in samples.every if one.phase == "latency")
    loads = [("latency", rate, rate) for rate in rates] + [("cpu", "GET", "saturation")]
    rows: list[list[str]] = []
    for phase, what, label in loads:
        for peer in (*(("direct",) if phase == "latency" else ()), *peers):
            key = (phase, what, 16, peer)
            curve = [samples.percentile(*key, name) for name in names]
            figures = [f"{one.median:.0f}" if one else "-" for one in curve]
            rows.append(_row([label, peer], figures, samples.errors(*key), absent))
    return table(["requests", "proxy", *names, "errors"], rows)


def _memory(samples: Samples, peers: Sequence[str], absent: dict[str, str]) -> str:
    rows: list[list[str]] = []
    for peer in peers:
        values = [samples.value("memory", what, 0, peer) for what in _MEMORY]
        errors = sum(samples.errors("memory", what, 0, peer) for what in _MEMORY)
        rows.append(_row([peer], [f"{one.median:.1f}" if one else "-" for one in values], errors, absent))
    return table(["proxy", *_MEMORY, "errors"], rows)


def _start(samples: Samples, peers: Sequence[str], absent: dict[str, str]) -> str:
    rows = [_row([peer], _median_and_quartiles(samples.value("start", "", 0, peer), 3), 0, absent) for peer in peers]
    return table(["proxy", "s", "IQR", "errors"], rows)


def _row(label: list[str], figures: list[str], errors: int, absent: dict[str, str]) -> list[str]:
    """Write one proxy's row; a void one says so instead of showing figures that do not count."""
    if label[-1] in absent:
        return [*label, *("absent" for _ in figures), "ABSENT"]
    return [*label, *figures, f"{errors}: ROW VOID" if errors else "0"]


def _median_and_quartiles(spread: Spread | None, digits: int) -> list[str]:
    if spread is None:
        return ["-", "-"]
    return [f"{spread.median:.{digits}f}", f"{spread.low:.{digits}f}-{spread.high:.{digits}f}"]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table whose columns are aligned for reading as it stands."""
    lines = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    written = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([written[0], rule, *written[1:]])
