"""Adapter: one request on a connection of its own, whose response is read whole.

Owns the connection from its opening to its end. Refuses to know what is asked, to follow a redirect, to keep a cookie,
and to send anything twice. How long it may take in all is the caller's limit.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.whole_response import WholeResponse, WholeResponseReader
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.close_notify import is_closed_by_peer
from fla_gateway.network.connection_errors import tls_reason
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.phase_timer import PhaseTimer
from fla_gateway.network.route import Route

FAILURE_BODY_SECONDS: Final = 1.0
"""How long the body of a response that is no success is waited for: its status has said what came of the request."""
FAREWELL_SECONDS: Final = 0.1
"""How long a connection whose response was read has for its orderly end; then it is cut."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, and when it came.

    Attributes:
        response: as it was read.
        sent: time just before the request was written.
        received: time when the head was complete.
    """

    response: WholeResponse
    sent: float
    received: float


async def send_request(
    dialer: Dialer,
    route: Route,
    tls: ssl.SSLContext,
    message: bytes,
    *,
    connect_seconds: float,
    largest: int,
    time: Callable[[], float],
    timer: PhaseTimer | None = None,
) -> Reply:
    """Send a request and read its response.

    Args:
        dialer: opens the connection.
        route: where to.
        tls: verifies the destination.
        message: the whole request; it has to say ``Connection: close``.
        connect_seconds: for the name and all addresses together.
        largest: bytes of body that are taken at most.
        time: gives `sent` and `received`.
        timer: learns how long each phase took.

    Raises:
        NoConnectionError: the request was not sent.
        ProtocolError: the response is malformed, too large, incomplete or missing.
    """
    timer = timer or PhaseTimer(time)
    to_head = message.startswith(b"HEAD ")
    connection = await dialer.open(route, tls, lambda: _Connection(largest, time, to_head), connect_seconds, timer)
    return await connection.exchange(message, timer)


class _Connection(asyncio.Protocol):
    """The mutable state is the reader, and what came of the exchange."""

    def __init__(self, largest: int, time: Callable[[], float], to_head: bool) -> None:  # noqa: FBT001 - of one place
        self._reader = WholeResponseReader(largest, to_head=to_head)
        self._time = time
        self._received: float | None = None
        self._clean_end = False
        # A value in either case: no task may be left to retrieve an exception.
        self._found: asyncio.Future[WholeResponse | ProtocolError] = asyncio.get_running_loop().create_future()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None

    async def exchange(self, message: bytes, timer: PhaseTimer) -> Reply:
        transport, sent = self._transport, self._time()
        assert transport is not None  # noqa: S101 - for the type: the dialer gives connections that are made
        try:
            timer.begin("request")
            transport.write(message)
            timer.begin("response")
            found = await self._found
            timer.stop()
            if isinstance(found, ProtocolError):
                raise found
            reply = Reply(found, sent, self._time() if self._received is None else self._received)
            # Waited for, because the loop may end with the request.
            transport.close()
            await asyncio.wait((self._lost,), timeout=FAREWELL_SECONDS)
        finally:
            if self._limit is not None:
                self._limit.cancel()
            # Does nothing where the connection has ended.
            transport.abort()
        return reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport  # type: ignore[assignment]  # of TLS, which reads and writes

    def data_received(self, data: bytes) -> None:
        """Read on; what comes after the response is dropped."""
        if self._found.done():
            return
        try:
            response = self._reader.feed(data)
        except ProtocolError as error:
            self._found.set_result(error)
            return
        if self._received is None and self._reader.has_head:
            self._received = self._time()
        if response is not None:
            self._found.set_result(response)
        elif self._limit is None and self._reader.has_head:
            self._limit = asyncio.get_running_loop().call_later(FAILURE_BODY_SECONDS, self._end_failure)

    def _end_failure(self) -> None:
        """Take a failure as it is, although its body has not ended; a success needs its whole body."""
        if self._found.done():
            return
        try:
            self._found.set_result(self._reader.end(clean=False))
        except ProtocolError:
            return

    def eof_received(self) -> None:
        """Note whether the server ended the connection itself."""
        if not self._found.done() and self._transport is not None:
            self._clean_end = is_closed_by_peer(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._lost.set_result(None)
        if self._found.done():
            return
        try:
            self._found.set_result(self._reader.end(clean=self._clean_end and exc is None))
        except ProtocolError as error:
            reason = tls_reason(exc)
            if reason and error.code == "response-missing":
                # TLS 1.3 refuses a client that shows no certificate after the handshake only.
                error = ProtocolError(
                    "tls-failed", "the connection ended with an error of TLS ({reason})", reason=reason
                )
            self._found.set_result(error)
