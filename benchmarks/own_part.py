"""Root: the gateway's own part of an exchange, compiled and from source, beside that of commit 291031e.

``EARLIER_GATEWAY=/path/to/bin/fla-gateway python -m benchmarks.own_part`` (or ``make own-part``). Runs `exchanges` of
this commit and `exchanges_291031e` in turns, round by round, and prints medians and quartiles of their ratios; they are
comparable where the environments have the same Python. Exit codes: 0 the aim is reached, 1 it is not, 2 the work could
not be set up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks import programs
from benchmarks.exchange_turns import WORKS
from benchmarks.run import STORE, UNFIT

AIM: Final = 0.45
"""Of the guarded compiled gateway, in times of 291031e from source."""
_ROOT: Final = Path(__file__).resolve().parent.parent
_EARLIER: Final = "291031e"


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_part", description="The own part of an exchange.")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of each work (default 9)")
    parser.add_argument("--count", type=int, default=10_000, help="exchanges of a reading (default 10000)")
    arguments = parser.parse_args()
    try:
        pythons = _pythons()
        reached = [_compare(pythons, work, arguments.rounds, arguments.count) for work in WORKS]
    except programs.AbsentError as error:
        print(f"the work could not be set up: {error}", file=sys.stderr)
        return UNFIT
    return 0 if all(reached) else 1


def _pythons() -> dict[str, Path]:
    """Give the interpreters of the three environments.

    Raises:
        AbsentError: one is not there.
    """
    found = {
        _EARLIER: programs.earlier_gateway(),
        "source": programs.gateway(STORE),
        "compiled": programs.compiled_gateway(STORE),
    }
    return {name: program.with_name("python") for name, program in found.items()}


def _compare(pythons: Mapping[str, Path], work: str, rounds: int, count: int) -> bool:
    """Measure one work in turns, print it, and say whether the compiled gateway reaches the aim.

    Raises:
        AbsentError: a reading failed.
    """
    readings = [{name: _reading(python, name, work, count) for name, python in pythons.items()} for _ in range(rounds)]
    before = statistics.median(reading[_EARLIER] for reading in readings)
    print(f"{work}, guarded: {_EARLIER} from source {before:.1f} us")
    median = 0.0
    for name in ("source", "compiled"):
        ratios = [reading[name] / reading[_EARLIER] for reading in readings]
        low, median, high = statistics.quantiles(ratios, n=4) if rounds > 1 else ratios * 3
        own = statistics.median(reading[name] for reading in readings)
        print(f"{work}, guarded: {name} {own:.1f} us, {median:.2f} of it ({low:.2f} to {high:.2f})", flush=True)
    return median <= AIM


def _reading(python: Path, name: str, work: str, count: int) -> float:
    module = f"benchmarks.exchanges_{_EARLIER}" if name == _EARLIER else "benchmarks.exchanges"
    with tempfile.TemporaryDirectory(prefix="own-part-") as folder:
        # Of this tree only the benchmarks: the package is that of the environment.
        (Path(folder) / "benchmarks").symlink_to(Path(__file__).resolve().parent)
        done = subprocess.run(
            [python, "-m", module, "guarded", work, str(count)],
            env={**os.environ, "PYTHONPATH": folder, "PYTHONSAFEPATH": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        raise programs.AbsentError(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
