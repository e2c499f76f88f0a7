"""Fakes at the gateway's ports: a clock that can be moved forward, tokens without network, a list of records."""

from __future__ import annotations

import asyncio
from collections import deque

from fla_gateway.clock import SystemClock
from fla_gateway.errors import ProblemError
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.proxy.records.exchange_record import ExchangeRecord
from fla_gateway.secret import Secret
from tests.support.waiting import PATIENCE


class MovableClock:
    """The system's clocks, and what a test adds to them."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead = 0.0

    def wall(self) -> float:
        """See `Clock.wall`."""
        return self._system.wall() + self._ahead

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._system.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += seconds


class WholeBody:
    """The hash of a body for a journal that is a fake: its bytes, in hexadecimal digits."""

    def __init__(self) -> None:
        self._body = b""

    def update(self, part: bytes) -> None:
        """See `proxy.records.exchange_record.PartialHash`."""
        self._body += part

    def digits(self) -> str:
        """See `proxy.records.exchange_record.PartialHash`."""
        return self._body.hex()


class Tokens:
    """A token source without network: token-1, token-2, ... or what is queued."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self.fetches = 0
        self.failures: deque[ProblemError] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def fetch(self, request: TokenRequest, *, seconds: float | None = None) -> AccessToken:
        """See `oauth.model.TokenSource`."""
        self.fetches += 1
        number = self.fetches
        started = self._clock.monotonic()
        self.asked.set()
        await self.gate.wait()
        if self.failures:
            raise self.failures.popleft()
        return AccessToken(Secret(f"token-{number}"), 3600, started)


class Records:
    """Finished exchanges, in the order of their ends."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[ExchangeRecord] = asyncio.Queue()

    def exchange(self, record: ExchangeRecord) -> None:
        """See `proxy.records.exchange_record.Observer`."""
        self._queue.put_nowait(record)

    async def next(self) -> ExchangeRecord:
        """Wait for the next one."""
        async with asyncio.timeout(PATIENCE):
            return await self._queue.get()

    def empty(self) -> bool:
        """Tell whether none is left."""
        return self._queue.empty()
