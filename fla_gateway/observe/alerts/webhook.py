"""Adapter: a letter on its way to a webhook, as one POST whose answer is read up to its status.

Owns request, limits and the meaning of a status. Refuses to follow a redirect, to read what an answer says, to log the
address beyond its host, and to send anything to a listener of this gateway.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection
from ipaddress import ip_address
from typing import Final

from fla_gateway import __version__
from fla_gateway.config.values.address import uri_host
from fla_gateway.config.values.urls import Url
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.whole_response import WholeResponseReader
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.connection_errors import NoConnectionError
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.route import Destination, Egress, Route
from fla_gateway.observe.alerts.alert import Letter
from fla_gateway.observe.alerts.outbox import Delivered, NotDeliveredError, Waiting

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 30.0
FAREWELL_SECONDS: Final = 0.1
_SUCCESS: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_LASTING: Final = range(400, 500)
_PASSING: Final = frozenset({408, 425, 429})
"""Of 4xx, those that another attempt may turn into a success."""


@dataclass(frozen=True, slots=True, repr=False)
class Receiver:
    """What takes alerts.

    Attributes:
        url: whose path may hold a token.
        tls: verifies its host.
        proxy: leads there, or None.
        own_ports: ports of this gateway's listeners.
        answer_seconds: from the request to the end of the answer's head.
    """

    url: Url
    tls: ssl.SSLContext
    proxy: Egress | None
    own_ports: Collection[int]
    answer_seconds: float = ANSWER_SECONDS

    @property
    def route(self) -> Route:
        """Where a connection leads."""
        return Route(
            Destination(
                self.url.host, self.url.port, Text("webhook"), "alerts.webhook",
                Text("{place}", place="alerts.webhook.ca_file"), Text("Check alerts.webhook."),
            ),
            self.proxy,
        )  # fmt: skip


class WebhookChannel:
    """Posts letters as JSON."""

    name = "webhook"

    def __init__(self, receiver: Receiver, dialer: Dialer, write: Callable[[Letter], bytes]) -> None:
        """Take what is needed; nothing is opened.

        Args:
            receiver: takes the letters.
            dialer: opens connections.
            write: writes the document.
        """
        self._receiver = receiver
        self._dialer = dialer
        self._write = write

    @property
    def place(self) -> str:
        """See `outbox.Channel`: the path may hold a token."""
        return self._receiver.url.host

    async def send(self, waiting: Waiting) -> Delivered:
        """See `outbox.Channel`."""
        receiver = self._receiver
        try:
            connection = await self._dialer.open(receiver.route, receiver.tls, _Connection, CONNECT_SECONDS)
        except NoConnectionError as error:
            raise NotDeliveredError(error.message) from None
        try:
            if receiver.proxy is None and connection.is_own(receiver.own_ports):
                raise NotDeliveredError(Text("alerts.webhook leads to a listener of this gateway."), lasting=True)
            async with asyncio.timeout(receiver.answer_seconds):
                status = await connection.status_of(self._request(waiting.letter))
        except TimeoutError:
            seconds = f"{receiver.answer_seconds:g}"
            raise NotDeliveredError(Text("The webhook did not answer within {seconds} s.", seconds=seconds)) from None
        finally:
            await connection.end()
        return _judged(status)

    def _request(self, letter: Letter) -> bytes:
        url, body = self._receiver.url, self._write(letter)
        authority = uri_host(url.host) if url.port == 443 else f"{uri_host(url.host)}:{url.port}"  # noqa: PLR2004 - https
        head = (
            f"POST {url.path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: fla-gateway/{__version__}\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode("ascii") + body


def _judged(status: int | None) -> Delivered:
    if status is None:
        raise NotDeliveredError(Text("The webhook gave no answer that HTTP/1.1 knows."))
    answer = Text("{status}", status=status)
    if status in _SUCCESS:
        return Delivered(answer)
    lasting = status in _LASTING and status not in _PASSING
    if status in _REDIRECTS:
        message = Text("The webhook answered {status}: no redirect is followed. Check alerts.webhook.", status=status)
        raise NotDeliveredError(message, answer=answer, lasting=True)
    raise NotDeliveredError(Text("The webhook answered {status}.", status=status), answer=answer, lasting=lasting)


class _Connection(asyncio.Protocol):
    """The mutable state is the reader, and what came of it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._reader = WholeResponseReader(0)
        self._transport: asyncio.Transport | None = None
        # None where there is no head that can be read.
        self._status: asyncio.Future[int | None] = loop.create_future()
        self._lost: asyncio.Future[None] = loop.create_future()

    async def status_of(self, request: bytes) -> int | None:
        """Send a request and wait for the status of its answer; None if there is none that can be read."""
        assert self._transport is not None  # noqa: S101 - for the type: the dialer gives connections that are made
        self._transport.write(request)
        return await self._status

    def is_own(self, ports: Collection[int]) -> bool:
        """Return whether the peer is a listener of this machine at one of these ports."""
        assert self._transport is not None  # noqa: S101 - as above
        peer, own = (self._transport.get_extra_info(it) for it in ("peername", "sockname"))
        if not peer or not own or peer[1] not in ports:
            return False
        there = ip_address(str(peer[0]).partition("%")[0])
        return there.is_loopback or there == ip_address(str(own[0]).partition("%")[0])

    async def end(self) -> None:
        """Close the connection in order, or cut it."""
        if self._transport is not None:
            self._transport.close()
            await asyncio.wait((self._lost,), timeout=FAREWELL_SECONDS)
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport  # type: ignore[assignment]  # of TLS, which reads and writes

    def data_received(self, data: bytes) -> None:
        """Read up to the end of the head that is final; what follows it is no matter."""
        if self._status.done():
            return
        try:
            self._reader.feed(data)
        except ProtocolError:
            self._status.set_result(self._reader.status)
        else:
            if self._reader.has_head:
                self._status.set_result(self._reader.status)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        """See `asyncio.Protocol`."""
        self._lost.set_result(None)
        if not self._status.done():
            self._status.set_result(None)
