"""Root: how many instructions of the processor an exchange costs within the program, kernel and peers left out.

``python -m benchmarks.instructions`` (or ``make instructions``). Callgrind counts between the two calls of
getloadavg(3) with which `exchanges` marks its exchanges, so that start, warm-up and end are left out. Unlike time the
figures hardly depend on what else the machine does. Exit codes: 0 done, 1 a figure is beyond ``--allow`` of
``--against``, 2 the work could not be set up.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from benchmarks.exchange_turns import AT_A_TIME, KINDS, WORKS

SAME: Final = 0
MORE: Final = 1
UNFIT: Final = 2

_ROOT: Final = Path(__file__).resolve().parent.parent
_SEED: Final = "0"
"""Of hashes: the order of sets and the collisions of dictionaries are then the same in every run."""
_MARK: Final = "getloadavg"
_TOTALS: Final = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)

Figures = dict[str, list[int]]
"""Instructions per exchange in each repetition, by kind and work."""


class InstructionsError(Exception):
    """Valgrind is not there, or a run under it failed."""


def main() -> int:
    """Count, print, compare."""
    arguments = _arguments()
    try:
        valgrind = _valgrind()
        figures: Figures = {}
        with _package(compiled=arguments.compiled) as path:
            for kind, work in itertools.product(arguments.kinds, arguments.works):
                counted = [_count(valgrind, path, kind, work, arguments.count) for _ in range(arguments.repeat)]
                figures[f"{kind} {work}"] = counted
                print(_line(f"{kind} {work}", counted), flush=True)
    except InstructionsError as error:
        print(error, file=sys.stderr)
        return UNFIT
    print(f"Python {platform.python_version()}; {arguments.count} exchanges under callgrind")
    if arguments.save is not None:
        arguments.save.write_text(json.dumps(figures, indent=1) + "\n")
    return SAME if arguments.against is None else _compare(figures, arguments.against, arguments.allow)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description="Instructions per exchange.")
    parser.add_argument("--count", type=int, default=1600, help="exchanges of a run (default 1600)")
    parser.add_argument("--repeat", type=int, default=1, help="how often each figure is taken (default once)")
    parser.add_argument("--kinds", type=_among(KINDS), default=tuple(KINDS), help="of configurations (default all)")
    parser.add_argument("--works", type=_among(WORKS), default=WORKS, help="of requests, likewise")
    parser.add_argument("--compiled", action="store_true", help="of the compiled wheel (make wheel)")
    parser.add_argument("--save", type=Path, help="write the figures into this file, as JSON")
    parser.add_argument("--against", type=Path, help="compare with the figures of this file")
    parser.add_argument("--allow", type=float, default=2.0, help="per cent above --against that are no failure (2)")
    arguments = parser.parse_args()
    if arguments.count < AT_A_TIME or arguments.count % AT_A_TIME or arguments.repeat < 1:
        parser.error(f"--count is a multiple of {AT_A_TIME}, --repeat at least 1")
    return arguments


def _among(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    def chosen(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"choose from {', '.join(known)}")
        return names

    return chosen


def _valgrind() -> Path:
    found = shutil.which("valgrind")
    if found is None:
        raise InstructionsError("valgrind is not installed; on Debian and Ubuntu: apt-get install valgrind")
    return Path(found)


@contextlib.contextmanager
def _package(*, compiled: bool) -> Iterator[str]:
    """Unpack the wheel, where that is to be measured; yield where Python is to look for packages first."""
    if not compiled:
        yield str(_ROOT)
        return
    wheel = next((_ROOT / "dist").glob("*.whl"), None)
    if wheel is None:
        raise InstructionsError("there is no wheel in dist/: make wheel")
    with tempfile.TemporaryDirectory(prefix="instructions-") as place, zipfile.ZipFile(wheel) as content:
        content.extractall(place)
        yield f"{place}{os.pathsep}{_ROOT}"


def _count(valgrind: Path, path: str, kind: str, work: str, count: int) -> int:
    with tempfile.TemporaryDirectory(prefix="instructions-") as place:
        profile = Path(place) / "callgrind.out"
        ended = subprocess.run(
            [valgrind, "--tool=callgrind", f"--dump-before={_MARK}", f"--callgrind-out-file={profile}", sys.executable,
             "-m", "benchmarks.exchanges", kind, work, str(count)],
            env={**os.environ, "PYTHONHASHSEED": _SEED, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        between = Path(f"{profile}.2")  # a profile is written at each mark; this one is of what lies between them
        found = _TOTALS.search(between.read_text()) if between.exists() else None
    if ended.returncode != 0 or found is None:
        raise InstructionsError(f"{kind} {work}: the run under valgrind failed\n{ended.stderr[-2000:]}")
    return round(int(found[1]) / count)


def _line(name: str, counted: list[int]) -> str:
    middle = statistics.median(counted)
    spread = f"   {min(counted):,} to {max(counted):,}, {spread_of(counted):.2f} %" if len(counted) > 1 else ""
    return f"{name:<14} {middle:>9,.0f} instructions per exchange{spread}"


def spread_of(counted: list[int]) -> float:
    """Give the distance between the least and the most of some figures, in per cent of their median."""
    return (max(counted) - min(counted)) / statistics.median(counted) * 100


def _compare(figures: Figures, before: Path, allowed: float) -> int:
    earlier: Figures = json.loads(before.read_text())
    changes = changes_of(figures, earlier)
    for name, change in changes.items():
        print(f"{name:<14} {change:+.2f} %{'' if change <= allowed else '   MORE THAN ALLOWED'}")
    return SAME if all(change <= allowed for change in changes.values()) else MORE


def changes_of(figures: Figures, earlier: Figures) -> dict[str, float]:
    """Give how much each figure has grown since, in per cent, by the medians of the repetitions."""
    return {
        name: (statistics.median(counted) / statistics.median(earlier[name]) - 1) * 100
        for name, counted in figures.items()
        if name in earlier
    }


if __name__ == "__main__":
    sys.exit(main())
