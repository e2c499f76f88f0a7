"""Callers of the reliability tests: each keeps a connection as an ordinary client does, and notes every failure."""

from __future__ import annotations

import asyncio
import collections
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.reliability.government import PATH
from tests.reliability.scene import api_key
from tests.support.raw_caller import Caller, connect
from tests.support.raw_http import Answer, TruncatedError, get, post

LONGEST_PAUSE = 0.25
"""Seconds between two calls of one caller, at most."""
_PROFILES = ("employer", "other")


@dataclass(slots=True)
class Witness:
    """What callers saw.

    Attributes:
        failures: calls that were not answered by the API, in words.
        answered: how often a call with each nonce was answered by the API.
        slowest: seconds that one call took at most.
        connections: how often a caller connected.
    """

    failures: list[str] = field(default_factory=list)
    answered: collections.Counter[str] = field(default_factory=collections.Counter)
    slowest: float = 0.0
    connections: int = 0


class SteadyCaller:
    """One caller with one connection at a time, which it uses until either side closes it.

    Attributes:
        name: its name in the configuration.
        begun: calls begun so far.
    """

    def __init__(self, name: str, port: int, witness: Witness) -> None:
        self.name = name
        self.begun = 0
        self._port = port
        self._witness = witness
        self._connection: Caller | None = None
        self._random = random.SystemRandom()

    async def work(self, stop: asyncio.Event) -> None:
        """Call again and again, GET and POST in turn."""
        while not stop.is_set():
            await self.call()
            await asyncio.sleep(self._random.uniform(0, LONGEST_PAUSE))
        self.hang_up()

    async def call(self, is_right: Callable[[Answer], bool] | None = None) -> Answer | None:
        """Call once; None if the call failed.

        Args:
            is_right: whether an answer is no failure; by default one that the API has given to this very call.
        """
        self.begun += 1
        nonce = f"{self.name}-{self.begun}"
        began = time.monotonic()
        try:
            answer = await self._exchange(nonce)
        except (OSError, TruncatedError, TimeoutError) as error:
            self._witness.failures.append(f"{nonce}: {error!r}")
            self.hang_up()
            return None
        self._witness.slowest = max(self._witness.slowest, time.monotonic() - began)
        if answer.value("Connection") == b"close":
            self.hang_up()
        if answer.status == 200 and answer.body == nonce.encode():
            self._witness.answered[nonce] += 1
        if not (answer.status == 200 and answer.body == nonce.encode() if is_right is None else is_right(answer)):
            self._witness.failures.append(f"{nonce}: {answer.line!r} {answer.body[:300]!r}")
        return answer

    async def _exchange(self, nonce: str) -> Answer:
        connection = await self._connected()
        profile = _PROFILES[self.begun // 2 % 2]
        path, shown = f"/{profile}{PATH}{profile}/{nonce}", f"X-Api-Key: {api_key(self.name)}"
        await connection.send(get(path, shown) if self.begun % 2 else post(nonce.encode(), shown, path=path))
        return await connection.answer()

    async def _connected(self) -> Caller:
        """Give the connection that is open, or a new one: a client looks whether the other side has closed it."""
        if self._connection is not None and _has_ended(self._connection.sock):
            self.hang_up()
        if self._connection is None:
            self._connection = await connect(self._port)
            self._witness.connections += 1
        return self._connection

    def hang_up(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _has_ended(sock: socket.socket) -> bool:
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
