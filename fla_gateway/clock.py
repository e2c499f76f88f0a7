"""The two clocks of the program, as values that are passed in.

Owns the reading of the host's clocks. Refuses to know what the time is used for; the learned offset of a token server
belongs to `oauth`, because only an assertion needs it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from; tests pass one that they move by hand."""

    def wall(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z by the host's clock, which may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards and that go on while the machine is suspended."""
        ...


class SystemClock:
    """The host's clocks.

    `monotonic` is CLOCK_BOOTTIME where the system has it: a laptop or a virtual machine that slept for an hour
    wakes up with a token that is an hour older, which CLOCK_MONOTONIC would not show (clock_gettime(2)).
    """

    def __init__(self) -> None:
        # Bound once, without a function of ours in between: the data path reads the clock for every request.
        self.monotonic: Callable[[], float] = partial(
            time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        )
        self.wall: Callable[[], float] = time.time
