"""State: the one loop that keeps tokens fresh without waiting for traffic.

Owns when entries are looked at, that tokens are fetched ahead of calls at a moderate pace, and the detection that
the machine has slept. Refuses to know what a fetch is: it calls entries to renew themselves.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.tokens.cache import TokenCache
from fla_gateway.tokens.entry import TokenEntry

LONGEST_SLEEP: Final = 5.0
"""Seconds after which everything is looked at in any case: the loop's timers stop while the machine sleeps."""
SUSPENDED: Final = 2.0
"""Seconds by which the clock that goes on in sleep may run ahead of the loop's before that is called a sleep."""

_MANY: Final = 32
"""Entries from which on it costs more to look at all of them than to wait for further changes first."""
_PAUSE: Final = 0.0001
"""Seconds to wait for each entry: some twenty times what it takes to look at it."""

_LOG = structlog.get_logger()


class Refresher:
    """Fetches one token per entry ahead, and renews those that calls use."""

    def __init__(self, cache: TokenCache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._ahead = math.nan

    async def run(self) -> None:
        """Work until cancelled. A token that cannot be fetched is a state of its entry and never ends this loop."""
        while True:
            self._cache.changed.clear()
            now = self._clock.monotonic()
            self._notice_sleep(now)
            entries = self._cache.entries()
            held_back: dict[str, float] = {}
            pause = min((self._look(entry, now, held_back) for entry in entries), default=math.inf)
            await self._sleep(min(LONGEST_SLEEP, pause))
            if len(entries) >= _MANY:
                # Each new entry and each end of a fetch wakes this loop, which then looks at all of them.
                await asyncio.sleep(_PAUSE * len(entries))

    def _look(self, entry: TokenEntry, now: float, held_back: dict[str, float]) -> float:
        """Renew an entry that is due; returns the seconds until it is to be looked at again.

        Args:
            entry: to look at.
            now: `Clock.monotonic`.
            held_back: for how long no fetch may be begun at token servers that have enough of them; filled here, since
                hundreds of entries wait for the same one at the start.
        """
        left = entry.due() - now
        if left > 0:
            return left
        # Renewals are spread by themselves, over the lives of the tokens; what has none is not.
        if not entry.has_token(now):
            server = entry.request.token_url
            seconds = held_back.get(server)
            if seconds is None:
                seconds = self._cache.load(entry.request).wait_seconds(now)
                if seconds > 0:
                    held_back[server] = seconds
            if seconds > 0:
                return seconds
        entry.renew(now)
        return math.inf

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._cache.changed.wait()
        except TimeoutError:
            return

    def _notice_sleep(self, now: float) -> None:
        ahead = now - asyncio.get_running_loop().time()
        slept = ahead - self._ahead
        self._ahead = ahead
        # The first comparison is with NaN, and false.
        if slept > SUSPENDED:
            _LOG.info("resumed-after-sleep", seconds=round(slept, 1))
