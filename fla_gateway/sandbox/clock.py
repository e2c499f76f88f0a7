"""The sandbox's clocks.

Owns the reading of the host's clocks for the sandbox. Refuses to borrow `fla_gateway.clock`: a wrong clock there must
show up here.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from; tests pass one that they move by hand."""

    def wall(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...


class HostClock:
    """The host's clocks."""

    def wall(self) -> float:
        """See `Clock.wall`."""
        return time.time()  # noqa: TID251 - the examiner imports nothing of the code it checks, its clock included

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()
