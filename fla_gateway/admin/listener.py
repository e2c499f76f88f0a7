"""Port: the admin listener's socket.

Owns binding, and the sentences for what can go wrong with it. Refuses to take a unix socket away from a gateway that
is still running.
"""

from __future__ import annotations

import errno
import socket
import stat
from pathlib import Path

from fla_gateway.config.address import TcpAddress, UnixAddress
from fla_gateway.errors import ConfigurationError, Fault

PLACE = "admin.listen"
_PROBE_SECONDS = 0.5
_CURES = {
    errno.EADDRINUSE: "another program listens there; is a gateway running already?",
    errno.EADDRNOTAVAIL: "this machine does not have the address",
    errno.EACCES: "the address needs more rights than this process has",
    errno.ENOENT: "the directory of the socket does not exist",
}


def bind(address: TcpAddress | UnixAddress) -> socket.socket:
    """Bind and listen.

    Raises:
        ConfigurationError: if the address cannot be had.
    """
    try:
        return _bind_unix(address.path) if isinstance(address, UnixAddress) else _bind_tcp(address)
    except OSError as error:
        reason = error.strerror or "it cannot be resolved"
        cure = _CURES.get(error.errno or 0, "")
        raise ConfigurationError((Fault(PLACE, f"cannot listen on {address}: {reason}", cure),)) from error


def _bind_tcp(address: TcpAddress) -> socket.socket:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = found[0]
    return socket.create_server(where[:2], family=family)


def _bind_unix(path: Path) -> socket.socket:
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        _remove_if_dead(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _remove_if_dead(path: Path) -> None:
    """Remove the socket that a gateway left which was killed; nobody answers there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink()
