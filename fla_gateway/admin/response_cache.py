"""State: what the admin listener shows of the gateway, made once a second for all clients, and anew after a change.

Owns how often and how many at once. Refuses to know what is made, and who may see it: that is decided before, for every
request. Making the numbers of a thousand profiles takes a tenth of a second of a processor, and a client that reaches
the port may ask as often as it likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

SECONDS: Final = 1.0
"""How long a body is good for."""
_MOST: Final = 32
"""Bodies that are kept; beyond, the oldest is removed."""

Make = Callable[[], Awaitable[bytes]]


class ResponseCache:
    """The recent bodies, by what they show."""

    def __init__(self, now: Callable[[], float], seconds: float = SECONDS) -> None:
        """Take the clock.

        Args:
            now: `Clock.monotonic`.
            seconds: how long a body is good for.
        """
        self._now = now
        self._seconds = seconds
        self._kept: dict[Hashable, tuple[float, bytes]] = {}
        self._running: dict[Hashable, asyncio.Task[bytes]] = {}
        self._tasks: set[asyncio.Task[bytes]] = set()
        self._one_at_a_time = asyncio.Lock()

    async def get(self, key: Hashable, make: Make) -> bytes:
        """Give a body that is no older than a second, or the one that is being made.

        Args:
            key: what it shows.
            make: makes it; while it does, no other is made.
        """
        self._remove_old()
        kept = self._kept.get(key)
        if kept is not None:
            return kept[1]
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.get_running_loop().create_task(self._make(key, make))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # A client that disconnects does not cancel it: others may wait for it.
        return await asyncio.shield(task)

    async def _make(self, key: Hashable, make: Make) -> bytes:
        task = asyncio.current_task()
        try:
            async with self._one_at_a_time:
                body = await make()
            if self._running.get(key) is task:
                self._kept[key] = (self._now() + self._seconds, body)
            return body
        finally:
            if self._running.get(key) is task:
                del self._running[key]

    def forget(self) -> None:
        """Make all anew: what they show has changed, and who changed it may ask at once. What is being made is old."""
        self._kept.clear()
        self._running.clear()

    def _remove_old(self) -> None:
        now = self._now()
        self._kept = {key: one for key, one in self._kept.items() if now < one[0]}
        while len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
