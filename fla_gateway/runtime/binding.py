"""Port: addresses become sockets that listen.

Owns binding, and the sentences for what can go wrong with it. Refuses to know who is answered there, and to take a Unix
socket away from a gateway that still runs.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from fla_gateway.config.address import TcpAddress, UnixAddress
from fla_gateway.errors import ConfigurationError, Fault

_LOG = structlog.get_logger()
BACKLOG: Final = 1024
_PROBE_SECONDS: Final = 0.5
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


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket that listens.

    Attributes:
        address: as configured, with the port that the system chose where it was 0.
        sock: the listening socket.
    """

    address: TcpAddress | UnixAddress
    sock: socket.socket

    def release(self) -> None:
        """Stop listening; a Unix socket's file goes with it."""
        # The file first: once nobody listens, a successor may put his own in its place.
        if isinstance(self.address, UnixAddress):
            with contextlib.suppress(OSError):
                self.address.path.unlink()
        self.sock.close()


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
        # Without the words that asyncio and socket add: the fault names the address itself.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "it cannot be resolved"
        cure = _CURES.get(error.errno or 0, "")
        raise ConfigurationError((Fault(place, f"cannot listen on {address}: {reason}", cure),)) from None


def _bind_tcp(address: TcpAddress) -> list[Bound]:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[Bound] = []
    port = address.port
    for family, _, _, _, where in found:
        try:
            sock = socket.create_server((str(where[0]), port), family=family, backlog=BACKLOG)
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
        listener.listen(BACKLOG)
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
