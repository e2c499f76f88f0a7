"""Adapter: the sockets that callers reach.

Owns accepting, and its pause while there is no room for another connection. Refuses to know how an address is bound and
which protocol a connection uses.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, Final

import structlog

from fla_gateway.config.values.address import TcpAddress
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.listeners.bind import BACKLOG, Bound
from fla_gateway.listeners.tls_handshakes import Handshakes, Protocols, TlsServer

_LOG = structlog.get_logger()
_RETRY_SECONDS: Final = 0.1
# From Python 3.13 on closing a server removes its file, so that a pause would end the listener for good.
_KEEP_FILE: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}


class Listeners:
    """All listeners of the data path, accepting or pausing together."""

    def __init__(self, doors: Sequence[tuple[Bound, Protocols]]) -> None:
        """Take bound sockets, each with the factory of its connections."""
        self._doors = doors
        self._handshakes = Handshakes()
        self._servers: list[asyncio.Server | TlsServer] = []
        self._paused = False
        self._closed = False
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Accept callers.

        Raises:
            ConfigurationError: not one address is left on this machine.
        """
        if not self._doors:
            raise ConfigurationError((Fault("gateway.listen", "this machine has none of the addresses"),))
        loop = asyncio.get_running_loop()
        for bound, protocols in self._doors:
            # A duplicate is served, so that closing the server to pause keeps the socket and queued connections.
            sock = bound.sock.dup()
            if bound.tls is not None:
                self._servers.append(TlsServer(sock, bound.tls, protocols, self._handshakes))
            elif isinstance(bound.address, TcpAddress):
                self._servers.append(await loop.create_server(protocols, sock=sock, backlog=BACKLOG))
            else:
                server = await loop.create_unix_server(protocols, sock=sock, backlog=BACKLOG, **_KEEP_FILE)
                self._servers.append(server)

    def pause(self) -> None:
        """See `proxy.connections.Acceptor`: callers queue in the kernel until `resume`."""
        _LOG.warning("accepting-paused", reason="as many callers are connected as the limit permits")
        self._paused = True
        self._stop()

    def resume(self) -> None:
        """See `proxy.connections.Acceptor`."""
        if self._closed:
            return
        _LOG.info("accepting-resumed")
        self._paused = False
        task = asyncio.get_running_loop().create_task(self._resume())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resume(self) -> None:
        async with self._changing:
            # A pause while listeners are being opened closes some of them: all are open, or they are opened anew.
            while not self._paused and len(self._servers) < len(self._doors):
                self._stop()
                try:
                    await self.start()
                except OSError as error:
                    # No descriptor is free for the moment.
                    _LOG.warning("accepting-delayed", reason=error.strerror)
                    await asyncio.sleep(_RETRY_SECONDS)
            if self._paused:
                # The limit was reached again, or the gateway stopped, while the listeners were being opened.
                self._stop()

    def _stop(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def close(self) -> None:
        """Stop accepting for good, and release the sockets, only once: a successor may have their addresses by now."""
        if self._closed:
            return
        self._closed = self._paused = True
        for task in self._tasks:
            task.cancel()
        self._handshakes.close()
        self._stop()
        for bound, _ in self._doors:
            bound.release()
