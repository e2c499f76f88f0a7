"""What happened so far, in numbers.

Owns counters by fixed names. Refuses to grow: a name beyond the limit is counted as `other`.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

MAX_NAMES: Final = 200
GROUPS: Final = ("minted", "refused", "token_faults", "bearer_refused", "api_faults", "calls")


class Counters:
    """Counts by group and name."""

    def __init__(self) -> None:
        self._groups: dict[str, Counter[str]] = {group: Counter() for group in GROUPS}

    def count(self, group: str, name: str) -> None:
        """Add one."""
        names = self._groups[group]
        names[name if name in names or len(names) < MAX_NAMES else "other"] += 1

    def total(self, group: str) -> int:
        """Sum of a group."""
        return self._groups[group].total()

    def snapshot(self) -> dict[str, dict[str, int]]:
        """Copy of everything."""
        return {group: dict(names) for group, names in self._groups.items()}
