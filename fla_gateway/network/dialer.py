"""Adapter: opens connections, for the API, the token server, the keys of a cluster and alerts alike.

Owns the addresses' turns and the time that they share: name, staggered TCP (RFC 8305), CONNECT where a corporate proxy
is configured, TLS. Refuses to know pools, requests and problem codes. Ambient proxy variables are never read.

The mutable state is the resolver's, and the addresses that failed lately; all legs share one dialer.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar, cast

from aiohappyeyeballs import AddrInfoType, start_connection

from fla_gateway.network.address import Address
from fla_gateway.network.connect_tunnel import TunnelRefusedError, open_tunnel
from fla_gateway.network.connection_errors import NoConnectionError, Stage, explain
from fla_gateway.network.phase_timer import PhaseTimer
from fla_gateway.network.resolver import PATIENCE_SECONDS, Resolver
from fla_gateway.network.route import Route
from fla_gateway.network.troubled_addresses import TroubledAddresses

STAGGER_SECONDS: Final = 0.25
"""An address has this long for itself before the next one is tried beside it (RFC 8305, section 5)."""
MOST_ADDRESSES: Final = 20
"""Addresses of a name that one connection tries; they fit into five seconds."""
_TLS_FAREWELL_SECONDS: Final = 2

_P = TypeVar("_P", bound=asyncio.Protocol)


class Dialer:
    """Opens connections; made once for the process."""

    def __init__(self, now: Callable[[], float], resolver: Resolver | None = None) -> None:
        """Take what is needed; nothing is opened.

        Args:
            now: `Clock.monotonic`.
            resolver: finds addresses; by default the system's.
        """
        self._now = now
        self._resolver = resolver or Resolver(now)
        self._troubled = TroubledAddresses()

    async def open(
        self,
        route: Route,
        tls: ssl.SSLContext,
        protocol: Callable[[], _P],
        seconds: float,
        timer: PhaseTimer | None = None,
    ) -> _P:
        """Open a connection and verify the peer.

        While other addresses remain, CONNECT and TLS at one address get half of the time that is left. An address that
        failed, or that another one overtook, comes last for ten minutes.

        Args:
            route: where to, and through which proxy.
            tls: verifies the destination.
            protocol: makes the protocol of the connection; called once for each address whose TLS is begun.
            seconds: for the name and all addresses together.
            timer: learns how long each phase took.

        Raises:
            NoConnectionError: no address led to a verified connection.
        """
        timer = timer or PhaseTimer(self._now)
        timer.begin("dns")
        attempt = _Attempt(route, tls, asyncio.get_running_loop().time() + seconds, timer)
        failure: NoConnectionError | None = None
        try:
            waiting = await self._addresses(route, attempt.deadline, min(PATIENCE_SECONDS, seconds / 2))
        except OSError as error:
            timer.stop()
            raise explain(error, Stage.NAME, route, seconds) from None
        while waiting:
            address: Address | None = None
            try:
                sock, address = await self._connect(attempt, waiting)
                waiting.remove(address)
                made = await attempt.secure(sock, protocol, last=not waiting)
            except (OSError, RuntimeError, TunnelRefusedError) as error:
                # uvloop raises a RuntimeError where a connection dies at the wrong moment.
                found = explain(error, attempt.stage, route, seconds)
            else:
                timer.stop()
                self._troubled.remove(address)
                return made
            timer.stop()
            if found.outranks(failure):
                failure = found
            if address is None or found.final:
                break
            self._troubled.add(address, self._now())
        raise failure or explain(OSError(), Stage.NAME, route, seconds)

    async def connect(self, route: Route, seconds: float) -> socket.socket:
        """Open a connection to a server that speaks no TLS at first, as a mail server does; no proxy leads there.

        Args:
            route: where to.
            seconds: for the name and all addresses together.

        Returns:
            The socket, which does not block.

        Raises:
            NoConnectionError: no address accepts.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        attempt = _Attempt(route, None, deadline, PhaseTimer(self._now))
        stage = Stage.NAME
        try:
            addresses = await self._addresses(route, deadline, min(PATIENCE_SECONDS, seconds / 2))
            stage = Stage.TCP
            sock, address = await self._connect(attempt, addresses)
        except OSError as error:
            raise explain(error, stage, route, seconds) from None
        self._troubled.remove(address)
        return sock

    async def _addresses(self, route: Route, deadline: float, patience: float) -> list[Address]:
        hop = route.first_hop
        # Credentials go to an address that the DNS gives now, or nowhere: it may be another machine's by now.
        stale = route.proxy is None or route.proxy.user is None
        async with asyncio.timeout_at(deadline):
            found = await self._resolver.addresses(hop.host, stale=stale, patience=patience)
        return self._troubled.order((it.at(hop.port) for it in found), self._now())[:MOST_ADDRESSES]

    async def _connect(self, attempt: _Attempt, addresses: list[Address]) -> tuple[socket.socket, Address]:
        """Connect to the first address that accepts; the others that were tried are in trouble."""
        tried: dict[Address, socket.socket] = {}
        won: socket.socket | None = None
        cancelled = False
        try:
            won = await attempt.connect(addresses, tried)
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            for address, sock in tried.items():
                if sock is not won:
                    sock.close()
                    if not cancelled:
                        self._troubled.add(address, self._now())
        return won, next(address for address, sock in tried.items() if sock is won)


class _Attempt:
    """One connection being opened. The mutable state is the stage that was reached."""

    def __init__(self, route: Route, tls: ssl.SSLContext | None, deadline: float, timer: PhaseTimer) -> None:
        self.deadline = deadline
        self._timer = timer
        self.stage = Stage.TCP
        self._route = route
        self._tls = tls

    async def connect(self, addresses: list[Address], tried: dict[Address, socket.socket]) -> socket.socket:
        """Connect to the first address that accepts.

        Args:
            addresses: in the order in which they are tried.
            tried: takes the socket of each address that was begun with; the caller closes them.
        """
        self.stage = Stage.TCP
        self._timer.begin("tcp")

        def make(info: AddrInfoType) -> socket.socket:
            sock = socket.socket(info[0], socket.SOCK_STREAM)
            tried[Address(int(info[0]), info[4])] = sock
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock

        # The order is made already: 0 keeps the library from making its own.
        infos = [(it.family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", it.socket) for it in addresses]
        async with asyncio.timeout_at(self.deadline):
            return await start_connection(
                infos,
                happy_eyeballs_delay=STAGGER_SECONDS, interleave=0, socket_factory=make,
            )  # fmt: skip

    async def secure(self, sock: socket.socket, protocol: Callable[[], _P], *, last: bool) -> _P:
        """Open the tunnel, if there is a proxy, and speak TLS; in half of the time that is left if others remain."""
        left = self.deadline - asyncio.get_running_loop().time()
        async with asyncio.timeout_at(self.deadline - (0 if last else left / 2)):
            await self._pierce(sock)
            return await self._encrypt(sock, protocol)

    async def _pierce(self, sock: socket.socket) -> None:
        self.stage = Stage.TUNNEL
        if self._route.proxy is None:
            return
        self._timer.begin("proxy")
        try:
            await open_tunnel(sock, self._route.proxy, self._route.destination.authority)
        except BaseException:
            sock.close()
            raise

    async def _encrypt(self, sock: socket.socket, protocol: Callable[[], _P]) -> _P:
        self.stage = Stage.TLS
        self._timer.begin("tls")
        host, loop = self._route.destination.host, asyncio.get_running_loop()
        # Not cancelled itself: uvloop would close the socket under a handshake that is about to be done, and report a
        # fault of its own; and the protocol would never learn that the connection was lost.
        opening = loop.create_task(
            loop.create_connection(
                protocol, sock=sock, ssl=self._tls, server_hostname=host, ssl_shutdown_timeout=_TLS_FAREWELL_SECONDS
            )
        )
        try:
            _, made = await asyncio.shield(opening)
        except BaseException:
            opening.add_done_callback(partial(_give_up, sock, loop))
            # The descriptor is the transport's now, which may not be done with it: closed under its feet, the number
            # would go to the next connection, and the transport would stop that one's events. So only the line is cut.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            raise
        return made


def _give_up(
    sock: socket.socket,
    loop: asyncio.AbstractEventLoop,
    opening: asyncio.Task[tuple[asyncio.BaseTransport, asyncio.BaseProtocol]],
) -> None:
    """End a connection that nothing waits for any more, if it was opened all the same."""
    if not opening.cancelled() and opening.exception() is None:
        transport, _ = opening.result()
        # `create_connection` makes no other; typeshed says less of it.
        cast("asyncio.Transport", transport).abort()
    elif not isinstance(loop, asyncio.BaseEventLoop):
        # uvloop closes the descriptor, but where the line was cut in the first turn it does not say so to the socket,
        # which would close the number once more: that of another connection by then.
        sock.detach()
