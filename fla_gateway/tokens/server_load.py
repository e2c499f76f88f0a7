"""State: the fetches at one token server that are under way, and when the last ones were over.

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
"""Fetches under way or over for less than a second after which none is begun ahead of calls. A request arrives between
the two, so that the token server never sees more than these and one of a call within a second, however long the way
takes."""


class ServerLoad:
    """The load on one token server."""

    __slots__ = ("_ended", "_running")

    def __init__(self) -> None:
        self._ended: deque[float] = deque(maxlen=PER_SECOND)
        self._running = 0

    def begin(self) -> None:
        """Count a fetch that begins."""
        self._running += 1

    def end(self, now: float) -> None:
        """Count a fetch that is over.

        Args:
            now: `Clock.monotonic`.
        """
        self._running -= 1
        self._ended.append(now)

    def wait_seconds(self, now: float) -> float:
        """Return for how long no fetch may be begun ahead of calls: 0, or infinite until one under way is over."""
        if self._running >= UNDER_WAY:
            return math.inf
        recent = [at for at in self._ended if now - at < 1.0]
        if self._running + len(recent) < PER_SECOND:
            return 0.0
        return min(recent) + 1.0 - now
