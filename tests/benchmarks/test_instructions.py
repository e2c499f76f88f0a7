"""The count of instructions: its runs, and the comparison with an earlier one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.exchange_turns import KINDS, WORKS
from benchmarks.instructions import changes_of, spread_of

# One start: the children that it forks have the imports, and each has a garbage collector of its own to change.
RUN = """
import itertools, os, sys
from benchmarks import exchange_turns, exchanges
for kind, work in itertools.product(exchange_turns.KINDS, exchange_turns.WORKS):
    if not os.fork():
        sys.argv[1:] = [kind, work, "80"]
        exchange_turns.run(exchanges.measure)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{kind} {work}")
"""


def test_every_kind_of_exchange_runs():
    """Exchanges between transports without sockets end with the CPU time of one, each request answered."""
    ended = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    times = [float(it) for it in ended.stdout.split()]
    assert len(times) == len(KINDS) * len(WORKS)
    assert min(times) > 0


def test_growth_is_that_of_the_medians():
    """A figure is compared by the medians of its repetitions; one that was not taken before is left out."""
    assert changes_of({"a": [101, 102, 900], "b": [1]}, {"a": [50, 100, 100]}) == {"a": pytest.approx(2)}


def test_the_spread_is_that_from_least_to_most():
    """The spread of repetitions is the distance from the least to the most, in per cent of the median."""
    assert spread_of([99, 100, 101]) == pytest.approx(2)
