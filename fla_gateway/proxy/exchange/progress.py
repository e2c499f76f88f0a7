"""State: when bytes of an exchange were last seen to move.

Owns the comparison of one sweep with the next. Refuses to know clocks, and which phase has lasted too long
(`timeouts`).
"""

from __future__ import annotations


class Progress:
    """What the last sweep saw of an attempt; made by the first one, so that most exchanges have none.

    Attributes:
        moved: bytes that it saw, of both directions.
    """

    __slots__ = ("_at", "moved")

    def __init__(self, moved: int, now: float) -> None:
        """Begin with what the first sweep sees.

        Args:
            moved: bytes of both directions so far.
            now: `Clock.monotonic`.
        """
        self.moved = moved
        self._at = now

    def still(self, moved: int, now: float) -> float:
        """Return for how many seconds no byte has moved.

        Args:
            moved: as for the constructor.
            now: as for the constructor.
        """
        if moved != self.moved:
            self.moved = moved
            self._at = now
        return now - self._at
