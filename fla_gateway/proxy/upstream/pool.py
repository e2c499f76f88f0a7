"""The connections to the API of one profile.

Owns which connections are open, which are idle, and which requests wait for one. Refuses to know how a connection
is opened (`connector`) and what it carries.

The mutable state of a pool is: the idle connections, the number in use or being opened, and the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fla_gateway.config.gateway_tables import Pool as PoolSettings
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.network.connection_errors import tls_reason
from fla_gateway.proxy.records.exchange_record import PoolSnapshot
from fla_gateway.proxy.upstream.connection import ApiConnection, ConnectionOwner
from fla_gateway.proxy.upstream.fair_queue import FairQueue

_HEARING_TURNS: Final = 3
"""Turns of the loop in which a new connection may be read before it carries a request."""

Open = Callable[[Callable[[], ApiConnection]], Awaitable[ApiConnection]]
"""Opens one connection with the protocol that it is given; raises ProblemError with origin ``network``."""

_NONE_FREE: Final = Text("No connection to the API became free in time.")
_TOO_MANY: Final = Text("Too many requests wait for a connection to the API.")
_ENDED: Final = Text("The API ended the connection, or sent data on it, before any request.")


class Pool(ConnectionOwner):
    """Connections to one profile's API, limited in number, reused while they are fresh."""

    def __init__(self, profile: str, settings: PoolSettings, open_connection: Open, now: Callable[[], float]) -> None:
        """Start empty.

        Args:
            profile: name of the profile, for snapshots.
            settings: limits and times.
            open_connection: the connector.
            now: `Clock.monotonic`.
        """
        self._profile = profile
        self._settings = settings
        # Read for each exchange; an attribute of the settings takes ten times as long to read.
        self._changing_idle_seconds = settings.changing_idle_seconds
        self._max_age_seconds = settings.max_age_seconds
        self._open = open_connection
        self._now = now
        self._idle: list[ApiConnection] = []
        self._open_count = 0
        self._opening = 0
        self._waiting: FairQueue[asyncio.Future[ApiConnection | None]] = FairQueue()
        self._opened = 0
        self._reused = 0
        self._failed = 0
        self._closing = False
        self._sends_late = False

    def take(self, now: float, *, changing: bool) -> ApiConnection | None:
        """Take an idle connection at once, or nothing.

        Args:
            now: `Clock.monotonic`.
            changing: the request is neither GET nor HEAD, so that it must not meet a connection that the API is about
                to close: only one idle for less than `changing_idle_seconds` is good enough.
        """
        idle = self._idle
        if not idle:
            return None
        # The latest is at the end: if it is too old, all are.
        if changing and now - idle[-1].idle_since >= self._changing_idle_seconds:
            return None
        connection = idle.pop()
        # The loop may have reported this connection and the caller's in the same turn, and read the caller's first.
        if connection.arrived(0):
            idle.append(connection)
            return self._take_quiet(now, changing=changing)
        self._reused += 1
        return connection

    def _take_quiet(self, now: float, *, changing: bool) -> ApiConnection | None:
        """Take the latest connection from which nothing waits to be read; the loop decides about the others."""
        for connection in reversed(self._idle):
            if changing and now - connection.idle_since >= self._changing_idle_seconds:
                return None
            if not connection.arrived(0):
                self._idle.remove(connection)
                self._reused += 1
                return connection
        return None

    async def acquire(self, *, changing: bool, fresh: bool = False, caller: str = "") -> ApiConnection:
        """Take, open or wait for a connection; callers that wait take turns.

        Args:
            changing: as for `take`.
            fresh: only a new connection will do.
            caller: name of the caller, empty where callers are not distinguished.

        Raises:
            ProblemError: ``overloaded`` if the queue is full or none becomes free in time; the connector's own
                otherwise.
        """
        try:
            async with asyncio.timeout(self._settings.queue_seconds) as patience:
                again = False
                while not self._room():
                    connection = await self._queue(caller, changing=changing, fresh=fresh, again=again)
                    if connection is not None:
                        return connection
                    # Another request may have taken the room meanwhile; its turn is not lost by that.
                    again = True
                patience.reschedule(None)
                return await self._open_one()
        except TimeoutError:
            raise ProblemError("overloaded", _NONE_FREE, retry_after=1) from None

    def _room(self) -> bool:
        if self._open_count < self._settings.connections:
            return True
        if self._idle:
            # All places are taken but one by a connection that this request must not use.
            self._idle[0].close()
            return True
        return False

    async def _queue(self, caller: str, *, changing: bool, fresh: bool, again: bool) -> ApiConnection | None:
        if len(self._waiting) >= self._settings.queue and not again:
            displaced = self._waiting.displace(caller)
            if displaced is None:
                raise _too_many()
            if not displaced.done():
                displaced.set_exception(_too_many())
        turn: asyncio.Future[ApiConnection | None] = asyncio.get_running_loop().create_future()
        (self._waiting.put_back if again else self._waiting.put)(caller, turn)
        try:
            connection = await turn
        except asyncio.CancelledError:
            self._give_turn_away(caller, turn)
            raise
        if connection is not None and not self._is_fit(connection, changing=changing, fresh=fresh):
            connection.close()
            return None
        return connection

    def _is_fit(self, connection: ApiConnection, *, changing: bool, fresh: bool) -> bool:
        # It may have ended in the turn of the loop between being handed over and being taken, or something may have
        # arrived that the loop reads later in this very turn.
        return not (connection.closed or fresh or (changing and self._too_old(connection)) or connection.arrived(0))

    def _too_old(self, connection: ApiConnection) -> bool:
        return self._now() - connection.idle_since >= self._changing_idle_seconds

    def _give_turn_away(self, caller: str, turn: asyncio.Future[ApiConnection | None]) -> None:
        # Cancelled after it was served and before it resumed: what it was given goes to the next in the queue.
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            connection = turn.result()
            if connection is not None:
                self.released(connection, self._now())
            else:
                self._wake(None)
        else:
            self._waiting.discard(caller, turn)

    async def _open_one(self) -> ApiConnection:
        self._open_count += 1
        self._opening += 1
        counted = False
        try:
            connection = await self._open(lambda: ApiConnection(self, self._now()))
            await _hear_out(connection)
            counted = connection.counted = not connection.closed
            _refuse_closed(connection)
        except ProblemError:
            self._failed += 1
            raise
        finally:
            self._opening -= 1
            if not counted:
                self._open_count -= 1
                self._wake(None)
        self._opened += 1
        return connection

    def _wake(self, connection: ApiConnection | None) -> bool:
        while (turn := self._waiting.take()) is not None:
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    def released(self, connection: ApiConnection, now: float) -> None:
        """See `connection.ConnectionOwner`."""
        if connection.closed:
            return
        if self._closing or now - connection.born >= self._max_age_seconds:
            connection.close()
            return
        if connection.unsent:
            if self._sends_late:
                connection.close()
                return
            # One for reading only counts as idle for too long for all others.
            connection.idle_since = now - 2 * self._changing_idle_seconds if connection.unsent > 0 else now
        else:
            connection.idle_since = now
        if self._waiting.count and self._wake(connection):
            self._reused += 1
            return
        self._idle.append(connection)

    def lost(self, connection: ApiConnection) -> None:
        """See `connection.ConnectionOwner`."""
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.counted:
            connection.counted = False
            self._open_count -= 1
        self._wake(None)

    def sent_late(self) -> None:
        """See `connection.ConnectionOwner`. From now on no connection is used again behind an answer without a body."""
        self._sends_late = True

    def sweep(self, now: float) -> None:
        """Close connections that have been idle or alive for too long; called once a second."""
        idle_from = now - self._settings.idle_seconds
        born_from = now - self._max_age_seconds
        for connection in [it for it in self._idle if it.idle_since <= idle_from or it.born <= born_from]:
            connection.close()

    def close(self) -> None:
        """Close what is idle, and what is in use as soon as it is released."""
        self._closing = True
        for connection in self._idle.copy():
            connection.close()

    def snapshot(self) -> PoolSnapshot:
        """Return the numbers of this moment."""
        idle = len(self._idle)
        return PoolSnapshot(
            profile=self._profile,
            idle=idle,
            busy=self._open_count - idle - self._opening,
            opening=self._opening,
            waiting=len(self._waiting),
            opened=self._opened,
            reused=self._reused,
            failed=self._failed,
        )


async def _hear_out(connection: ApiConnection) -> None:
    """Let the loop read what came with the handshake: tickets of TLS 1.3, or data without a request."""
    try:
        for _ in range(_HEARING_TURNS):
            if not connection.arrived(0):
                return
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        connection.abort()
        raise


def _too_many() -> ProblemError:
    return ProblemError("overloaded", _TOO_MANY, retry_after=1)


def _refuse_closed(connection: ApiConnection) -> None:
    if connection.closed:
        reason = tls_reason(connection.lost_by)
        raise ProblemError("api-unreachable", _ended_by_tls(reason) if reason else _ENDED)


def _ended_by_tls(reason: str) -> Text:
    return Text("The API ended the connection with an error of TLS ({reason}), before any request.", reason=reason)
