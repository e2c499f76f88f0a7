"""Port: the sockets that callers reach.

Owns binding, and the pausing of all listeners while there is no room for another connection. Refuses to know what is
spoken on a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from fla_gateway.config.address import TcpAddress, UnixAddress
from fla_gateway.errors import ConfigurationError, Fault

_LOG = structlog.get_logger("fla_gateway.listeners")
_BACKLOG: Final = 1024
_PROBE_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 0.1
# What a machine without IPv6 answers to [::1].
_NO_IPV6: Final = frozenset((errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))
# Any other IPv6 address that cannot be had is a mistake, not a machine without IPv6.
_ANY_MACHINES: Final = frozenset(("::1", "::"))
_CURES: Final = {
    errno.EADDRINUSE: "another program listens there; is a gateway running already?",
    errno.EADDRNOTAVAIL: "this machine does not have the address",
    errno.EACCES: "the address needs more rights than this process has",
    errno.ENOENT: "the directory of the socket does not exist",
}

# From Python 3.13 on a server that is closed removes its file, and a pause would end the listener for good.
_KEEP_FILE: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}

Protocols = Callable[[], asyncio.Protocol]


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket that listens.

    Attributes:
        address: as configured, with the port that the system chose where it was 0.
        sock: the listening socket.
    """

    address: TcpAddress | UnixAddress
    sock: socket.socket


def bind(address: TcpAddress | UnixAddress, place: str) -> list[Bound]:
    """Bind and listen on an address; a name may stand for several.

    Args:
        address: where.
        place: of the address in the configuration, for the fault.

    Returns:
        What was bound; nothing where an IPv6 address is asked for on a machine without IPv6.

    Raises:
        ConfigurationError: the address cannot be had.
    """
    try:
        if isinstance(address, UnixAddress):
            return [Bound(address, _bind_unix(address.path))]
        return _bind_tcp(address)
    except OSError as error:
        reason = error.strerror or "it cannot be resolved"
        cure = _CURES.get(error.errno or 0, "")
        raise ConfigurationError((Fault(place, f"cannot listen on {address}: {reason}", cure),)) from None


def _bind_tcp(address: TcpAddress) -> list[Bound]:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[Bound] = []
    port = address.port
    for family, _, _, _, where in found:
        try:
            sock = socket.create_server((str(where[0]), port), family=family, backlog=_BACKLOG)
        except OSError as error:
            if family == socket.AF_INET6 and error.errno in _NO_IPV6 and str(where[0]) in _ANY_MACHINES:
                _LOG.info("listener-left-out", address=str(address), reason="this machine has no IPv6")
                continue
            raise
        # The addresses of one name share the port that the system chose for the first.
        port = sock.getsockname()[1]
        bound.append(Bound(TcpAddress(address.host, port), sock))
    return bound


def _bind_unix(path: Path) -> socket.socket:
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        _remove_if_dead(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Born closed to everybody else: a mode that is set afterwards leaves a moment in which others may connect.
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def _remove_if_dead(path: Path) -> None:
    """Remove the socket of a gateway that was killed: nobody answers there. One that answers is left alone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink()


class Listeners:
    """All listeners of the data path, accepting or pausing together."""

    def __init__(self, doors: Sequence[tuple[Bound, Protocols]]) -> None:
        """Take bound sockets, each with the factory of its connections."""
        self._doors = doors
        self._servers: list[asyncio.Server] = []
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
            # A duplicate is served, so that closing the server to pause leaves the socket, and those who queue, alone.
            sock = bound.sock.dup()
            if isinstance(bound.address, UnixAddress):
                self._servers.append(
                    await loop.create_unix_server(protocols, sock=sock, backlog=_BACKLOG, **_KEEP_FILE)
                )
            else:
                self._servers.append(await loop.create_server(protocols, sock=sock, backlog=_BACKLOG))

    def pause(self) -> None:
        """See `proxy.service.Acceptor`: callers queue in the kernel until `resume`."""
        _LOG.warning("accepting-paused", reason="as many callers are connected as the limit permits")
        self._paused = True
        self._stop()

    def resume(self) -> None:
        """See `proxy.service.Acceptor`."""
        if self._closed:
            return
        _LOG.info("accepting-resumed")
        self._paused = False
        task = asyncio.get_running_loop().create_task(self._resume())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resume(self) -> None:
        async with self._changing:
            while not self._paused and not self._servers:
                try:
                    await self.start()
                except OSError as error:
                    # No descriptor is free for the moment: some doors may be open already, so all are tried again.
                    self._stop()
                    _LOG.warning("accepting-delayed", reason=error.strerror)
                    await asyncio.sleep(_RETRY_SECONDS)
            if self._paused:
                # The limit was reached again, or the end came, while the doors were being opened.
                self._stop()

    def _stop(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def close(self) -> None:
        """Stop accepting for good, and let go of the sockets."""
        self._closed = self._paused = True
        for task in self._tasks:
            task.cancel()
        self._stop()
        for bound, _ in self._doors:
            bound.sock.close()
            if isinstance(bound.address, UnixAddress):
                with contextlib.suppress(OSError):
                    bound.address.path.unlink()
