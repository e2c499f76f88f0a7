"""State: how long each phase of one connection and its request took.

Owns the sum for each phase. Refuses to know what happens in a phase.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

Phase = Literal["dns", "tcp", "proxy", "tls", "request", "response"]
PHASES: Final[tuple[Phase, ...]] = ("dns", "tcp", "proxy", "tls", "request", "response")
"""In the order in which they are reached."""


class PhaseTimer:
    """One phase at a time. A phase that is begun again, at another address, adds to its sum."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Take the clock.

        Args:
            now: `Clock.monotonic`.
        """
        self._now = now
        self._running: Phase | None = None
        self._since = 0.0
        self._seconds: dict[Phase, float] = {}

    def begin(self, phase: Phase) -> None:
        """End the phase that runs, and begin another one."""
        self.stop()
        self._running, self._since = phase, self._now()

    def stop(self) -> None:
        """End the phase that runs, if there is one."""
        if self._running is not None:
            spent = self._now() - self._since
            self._seconds[self._running] = self._seconds.get(self._running, 0.0) + spent
            self._running = None

    @property
    def seconds(self) -> tuple[tuple[Phase, float], ...]:
        """Phases that were reached and have ended, in their order, each with the seconds that it took."""
        return tuple((phase, self._seconds[phase]) for phase in PHASES if phase in self._seconds)
