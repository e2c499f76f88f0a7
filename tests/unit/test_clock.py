"""The host's clocks."""

from __future__ import annotations

import time
from functools import partial

import pytest

from fla_gateway.clock import SystemClock


def test_the_wall_clock_is_the_hosts():
    """Seconds since 1970."""
    assert SystemClock().wall() == pytest.approx(time.time(), abs=5)


def test_the_monotonic_clock_goes_on_while_the_machine_sleeps():
    """CLOCK_BOOTTIME counts the time of suspend, which CLOCK_MONOTONIC leaves out."""
    read = SystemClock().monotonic
    # On a machine that has never slept both clocks say the same: which one is read can only be looked up.
    assert isinstance(read, partial)
    assert (read.func, read.args) == (time.clock_gettime, (time.CLOCK_BOOTTIME,))
