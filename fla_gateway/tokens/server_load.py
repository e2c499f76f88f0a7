"""State: the fetches at one token server that are under way, and when the last ones were begun.

Owns how many tokens may be fetched ahead at the same time and per second. Refuses to hold back a fetch that a call
waits for: it is counted, and those ahead of calls give way to it.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

UNDER_WAY: Final = 3
"""Fetches under way at which none is begun ahead of calls: with the one that a call may need there are four."""
PER_SECOND: Final = 4
"""Fetches begun within a second after which none is begun ahead of calls: with one of a call there are five."""


class ServerLoad:
    """The load on one token server."""

    __slots__ = ("_begun", "_running")

    def __init__(self) -> None:
        self._begun: deque[float] = deque(maxlen=PER_SECOND)
        self._running = 0

    def begin(self, now: float) -> None:
        """Count a fetch that begins.

        Args:
            now: `Clock.monotonic`.
        """
        self._begun.append(now)
        self._running += 1

    def end(self) -> None:
        """Count a fetch that is over."""
        self._running -= 1

    def wait_seconds(self, now: float) -> float:
        """Return for how long no fetch may be begun ahead of calls: 0, or infinite until one under way is over."""
        if self._running >= UNDER_WAY:
            return math.inf
        if len(self._begun) < PER_SECOND:
            return 0.0
        return max(0.0, self._begun[0] + 1.0 - now)
