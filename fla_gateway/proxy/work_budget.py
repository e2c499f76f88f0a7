"""State: how much work the bytes of all peers together may cause in one turn of the loop.

Owns the units that are left and the order of those that wait for the next turn. Refuses to know what the work is, and
clocks: units are counted, so that a slow machine does the same in a turn as a fast one.

Only work that a peer can make arbitrarily expensive per byte is counted: chunks, heads of interim responses, and long
heads of callers, who may send one on each of many connections. It is
done at once while there are units, so that an ordinary message never waits and nothing is scheduled for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

UNITS: Final = 4_096
"""Units of a turn. One is the decoding of a chunk: some microsecond."""
SLICE: Final = 512
"""Units that one connection may use before another one that waits has its turn."""
HEAD_BYTES_PER_UNIT: Final = 16
"""Bytes of a caller's long head that cost a unit: one of 60 KiB takes 10 ms where its path has as many segments."""
INTERIM_UNITS: Final = 64
"""Units of the head of an interim response, which is judged and written anew."""

Work = Callable[[], None]


class WorkBudget:
    """The units of the running turn, shared by all connections of both sides.

    Attributes:
        left: units not used yet; below zero where the last work cost more.
    """

    def __init__(self, soon: Callable[[Work], object]) -> None:
        """Start with all units.

        Args:
            soon: calls a function in the next turn of the loop.
        """
        self.left = UNITS
        self._soon = soon
        self._waiting: deque[Work] = deque()
        self._scheduled = False

    def slice(self) -> int:
        """Return the units that a connection may use now; 0 where it has to defer its work."""
        left = self.left
        return SLICE if left >= SLICE else max(left, 0)

    def defer(self, work: Work) -> None:
        """Do the rest of some work when its turn comes: others that wait first, and not before the next turn."""
        self._waiting.append(work)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._soon(self._refill)

    def _refill(self) -> None:
        self.left = UNITS
        waiting = self._waiting
        try:
            # Work that is deferred again meanwhile is scheduled below, once.
            while waiting and self.left > 0:
                waiting.popleft()()
        finally:
            self._scheduled = False
            if waiting:
                self._schedule()
