"""Adapter: the sockets that callers reach.

Owns accepting on a set of sockets that may change, and its pause while there is no room for another connection. Refuses
to know how an address is bound and which protocol a connection uses.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Iterable
from typing import Any, Final

import structlog

from fla_gateway.config.values.address import TcpAddress
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message
from fla_gateway.listeners.bind import BACKLOG, Bound
from fla_gateway.listeners.scarcity import find_room
from fla_gateway.listeners.tls_handshakes import Handshakes, Protocols, TlsServer

_LOG = structlog.get_logger()
_RETRY_SECONDS: Final = 0.1
_NONE_HERE: Final = Message("no-address-here", "this machine has none of the addresses")
# From Python 3.13 on closing a server removes its file, so that a pause would end the listener for good.
_KEEP_FILE: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}


class _Accepting:
    """A bound socket, and what accepts on it; nothing while accepting is paused."""

    def __init__(self, bound: Bound, protocols: Protocols, handshakes: Handshakes) -> None:
        self.bound = bound
        self._protocols = protocols
        self._handshakes = handshakes
        self._server: asyncio.Server | TlsServer | None = None
        self._removed = False

    @property
    def accepts(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        """Accept; raises OSError."""
        loop = asyncio.get_running_loop()
        # A duplicate is served, so that closing the server to pause keeps the socket and queued connections.
        sock = self.bound.sock.dup()
        if self.bound.tls is not None:
            self._server = TlsServer(sock, self._context, self._protocols, self._handshakes)
            return
        if isinstance(self.bound.address, TcpAddress):
            server = await loop.create_server(self._protocols, sock=sock, backlog=BACKLOG)
        else:
            server = await loop.create_unix_server(self._protocols, sock=sock, backlog=BACKLOG, **_KEEP_FILE)
        self._server = server
        if self._removed:
            self.close()

    def _context(self) -> ssl.SSLContext:
        if self.bound.tls is None:
            raise RuntimeError("this listener does not speak TLS")
        return self.bound.tls

    def close(self) -> None:
        """Accept no more for now."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def remove(self) -> None:
        """Accept no more for good."""
        self._removed = True
        self.close()


class Listeners:
    """All listeners of the data path, accepting or pausing together."""

    def __init__(self, listening: Iterable[tuple[Bound, Protocols]]) -> None:
        """Take bound sockets, each with the factory of its connections."""
        self._handshakes = Handshakes()
        self._all: dict[socket.socket, _Accepting] = {}
        self._paused = False
        self._closed = False
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        for bound, protocols in listening:
            self.add(bound, protocols)

    @property
    def closed(self) -> bool:
        """Whether accepting has ended for good."""
        return self._closed

    def add(self, bound: Bound, protocols: Protocols) -> None:
        """Take a further socket; nothing is accepted there before `start` or `open`."""
        self._all[bound.sock] = _Accepting(bound, protocols, self._handshakes)

    def remove(self, bound: Bound) -> None:
        """Accept no more on a socket, and leave it to the calling code."""
        self._all.pop(bound.sock).remove()

    def renew(self, bound: Bound) -> None:
        """Use the TLS context of `bound` for handshakes on its socket from now on; those that run keep theirs."""
        self._all[bound.sock].bound = bound

    async def start(self) -> None:
        """Accept callers.

        Raises:
            ConfigurationError: not one address is left on this machine.
        """
        if not self._all:
            raise ConfigurationError((Fault("gateway.listen", _NONE_HERE),))
        for listener in tuple(self._all.values()):
            if not listener.accepts:
                await listener.open()
        if self._paused:
            # The limit was reached on the first of them while others were being opened.
            self._stop()

    async def open(self) -> None:
        """Accept wherever that is not done yet, unless accepting is paused; waits while no descriptor is free."""
        async with self._changing:
            while not self._paused and (waiting := [it for it in self._all.values() if not it.accepts]):
                try:
                    find_room()
                    for listener in waiting:
                        await listener.open()
                except OSError as error:
                    # No descriptor is free for the moment.
                    self._handshakes.scarcity.note(error)
                    await asyncio.sleep(_RETRY_SECONDS)
            if self._paused:
                # The limit was reached again, or the gateway stopped, while the listeners were being opened.
                self._stop()

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
        self._open_beside()

    def look_for_room(self) -> None:
        """Accept no more for now if the process has hardly a descriptor left; called once a second."""
        if self._paused or not any(it.accepts for it in self._all.values()):
            return
        try:
            find_room()
        except OSError as error:
            self._handshakes.scarcity.note(error)
            self._stop()
            self._open_beside()

    def _open_beside(self) -> None:
        task = asyncio.get_running_loop().create_task(self.open())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop(self) -> None:
        for listener in self._all.values():
            listener.close()

    def stop_accepting(self) -> None:
        """Stop for good, and release the sockets, only once: a successor may have their addresses by now.

        Handshakes that run go on: their callers were accepted, and would take a reset for a failure.
        """
        if self._closed:
            return
        self._closed = self._paused = True
        for task in self._tasks:
            task.cancel()
        self._stop()
        for listener in self._all.values():
            listener.bound.release()

    async def handshakes_ended(self, seconds: float) -> None:
        """Wait for the handshakes that run, and let those that still do then come to nothing."""
        await self._handshakes.ended(seconds)

    def close(self) -> None:
        """Stop accepting for good, and end the handshakes that run."""
        self.stop_accepting()
        self._handshakes.close()
