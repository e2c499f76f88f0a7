"""Value: refusals of unauthenticated clients, added up, so that no client fills the disk with them.

Owns the sums. Refuses to know when they are written. The problem codes are a closed set, so that the sums are bounded.
"""

from __future__ import annotations

from typing import Any


class RejectionCounts:
    """Refusals since the last record of them."""

    def __init__(self) -> None:
        self._since = 0.0
        self._counts: dict[str, int] = {}

    def add(self, code: str, now: float) -> None:
        """Count one.

        Args:
            code: problem code.
            now: epoch seconds.
        """
        if not self._counts:
            self._since = now
        self._counts[code] = self._counts.get(code, 0) + 1

    @property
    def since(self) -> float | None:
        """Moment of the first, in epoch seconds; None without any."""
        return self._since if self._counts else None

    def take(self, since: str) -> dict[str, Any]:
        """Give the members of a record of them, and begin anew.

        Args:
            since: `since`, as the journal writes a moment.
        """
        counts, self._counts = self._counts, {}
        return {"since": since, "counts": counts}
