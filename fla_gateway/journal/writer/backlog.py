"""Value: what waits while the journal cannot be written, and what was lost.

Owns the bound. Refuses to know why nothing can be written, and how an entry is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

MOST: Final = 10_000
"""Entries that wait at most; about 8 MB."""

Kind = Literal["intents", "outcomes"]


class Backlog:
    """Entries in their order, the newest lost first when there is no more room.

    Attributes:
        lost: entries of each kind lost since `forget`.
        lost_ever: entries lost since the start.
    """

    def __init__(self) -> None:
        self._entries: list[str] = []
        self._since = 0.0
        self.lost: dict[str, int] = {"intents": 0, "outcomes": 0}
        self.lost_ever = 0

    def __len__(self) -> int:
        return len(self._entries)

    def keep(self, entries: Sequence[str], kind: Kind, now: float) -> None:
        """Keep entries as far as there is room.

        Args:
            entries: as `EntryEncoder` writes them.
            kind: what they are.
            now: `Clock.monotonic`.
        """
        if not self._entries:
            self._since = now
        room = max(0, MOST - len(self._entries))
        self._entries.extend(entries[:room])
        lost = max(0, len(entries) - room)
        self.lost[kind] += lost
        self.lost_ever += lost

    def first(self, number: int) -> Sequence[str]:
        """Give the oldest entries."""
        return self._entries[:number]

    def written(self, number: int) -> None:
        """Let go of the oldest entries."""
        del self._entries[:number]

    def forget(self) -> dict[str, int]:
        """Give the numbers of lost entries, and begin to count anew."""
        lost, self.lost = self.lost, {"intents": 0, "outcomes": 0}
        return lost

    def age(self, now: float) -> float:
        """Give the seconds that the oldest entry has waited; 0 without any."""
        return now - self._since if self._entries else 0.0
