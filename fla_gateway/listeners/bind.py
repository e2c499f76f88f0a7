"""Adapter: turns configured addresses into listening sockets.

Owns binding, and the messages of its faults. Refuses to know which callers are answered there, and how a Unix socket's
file (`unix_socket`) and the files of TLS (`tls_context`) are handled.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import structlog

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.gateway_tables import Listener, ListenerTls
from fla_gateway.config.values.address import (
    AbstractAddress,
    DescriptorAddress,
    RealAddress,
    TcpAddress,
    UnixAddress,
    parse_listen,
)
from fla_gateway.errors import ConfigurationError, Fault, InUseError
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.listeners.socket_activation import INHERITED
from fla_gateway.listeners.unix_socket import DEFAULT_MODE, FileIdentity, bind_file, identity

_LOG = structlog.get_logger()
BACKLOG: Final = 1024
# What a machine without IPv6 answers to [::1].
_NO_IPV6: Final = frozenset((errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))
# Any other IPv6 address that cannot be bound is a mistake, not a machine without IPv6.
_ANY_MACHINES: Final = frozenset(("::1", "::"))
_CURES: Final = {
    errno.EADDRINUSE: Text("another program listens there; is a gateway running already?"),
    errno.EADDRNOTAVAIL: Text("this machine does not have the address"),
    errno.EACCES: Text("the address needs more rights than this process has"),
    errno.ENOENT: Text("the directory of the socket does not exist"),
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket that listens.

    Attributes:
        address: as configured, with the port that the system chose where it was 0.
        sock: the listening socket.
        tls: what callers speak TLS with; None for plain HTTP.
        file: of a unix socket that has one.
    """

    address: RealAddress
    sock: socket.socket
    tls: ssl.SSLContext | None = None
    file: FileIdentity | None = None

    @property
    def file_in_place(self) -> FileIdentity | None:
        """Which file is at the path of a Unix socket: its own as long as nothing removes it. None without any."""
        return identity(self.address.path) if isinstance(self.address, UnixAddress) else None

    def release(self) -> None:
        """Stop listening, and remove a Unix socket's file, unless the path already belongs to a successor."""
        # The file first: while the socket is bound to it, its inode is given to no other.
        if isinstance(self.address, UnixAddress) and self.file is not None and self.file_in_place == self.file:
            with contextlib.suppress(OSError):
                self.address.path.unlink()
        self.sock.close()


def bind(
    listener: Listener, place: str, files: FileSnapshot | None = None, *, overlapping: Sequence[Bound] = ()
) -> list[Bound]:
    """Bind and listen on an address; a host name may resolve to several.

    Args:
        listener: where and how, as a checked configuration has it.
        place: of the listener in the configuration, for the faults.
        files: those that were read with the configuration; without them those of its TLS are read now.
        overlapping: sockets of this process that listen on a part of the address or on more than it, and that are
            released soon: 127.0.0.1 and 0.0.0.0, for example.

    Returns:
        What was bound; nothing where an IPv6 address is asked for on a machine without IPv6.

    Raises:
        InUseError: another process has the address.
        ConfigurationError: the address cannot be bound, or its TLS files cannot be used.
    """
    address = parse_listen(listener.address)
    tls = None if listener.tls is None else _context(listener.tls, f"{place}.tls", files)
    if isinstance(address, DescriptorAddress):
        return [Bound(INHERITED.address(address.name), INHERITED.duplicate(address.name), tls)]
    try:
        if isinstance(address, TcpAddress):
            with _shared_with(overlapping):
                found = _bind_tcp(address, share=bool(overlapping))
            return [replace(it, tls=tls) for it in found]
        return [_bind_unix(address, listener, place)]
    except OSError as error:
        # Without the words that asyncio and socket add: the fault names the address itself.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else Text("it cannot be resolved")
        cure = _CURES.get(error.errno or 0, NOTHING)
        kind = InUseError if error.errno == errno.EADDRINUSE else ConfigurationError
        message = Message("cannot-listen", "cannot listen on {address}: {reason}", address=str(address), reason=reason)
        raise kind((Fault(place, message, cure),)) from None


def _context(tls: ListenerTls, place: str, files: FileSnapshot | None) -> ssl.SSLContext:
    from fla_gateway.listeners.tls_context import server_context  # noqa: PLC0415 - read where TLS is spoken

    return server_context(tls, place, files)


@contextlib.contextmanager
def _shared_with(overlapping: Sequence[Bound]) -> Iterator[None]:
    """Let a further socket of this user have addresses that listen already, while it is being bound."""
    for bound in overlapping:
        bound.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        yield
    finally:
        for bound in overlapping:
            bound.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)


def _bind_tcp(address: TcpAddress, *, share: bool = False) -> list[Bound]:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[Bound] = []
    port = address.port
    for family, _, _, _, where in found:
        try:
            sock = socket.create_server((str(where[0]), port), family=family, backlog=BACKLOG, reuse_port=share)
        except OSError as error:
            if family == socket.AF_INET6 and error.errno in _NO_IPV6 and str(where[0]) in _ANY_MACHINES:
                _LOG.info("listener-left-out", address=str(address), reason="this machine has no IPv6")
                continue
            raise
        if share:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        # The addresses of one name share the port that the system chose for the first.
        port = sock.getsockname()[1]
        bound.append(Bound(TcpAddress(address.host, port), sock))
    return bound


def _bind_unix(address: UnixAddress | AbstractAddress, listener: Listener, place: str) -> Bound:
    if isinstance(address, AbstractAddress):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bound = Bound(address, sock)
    else:
        mode = DEFAULT_MODE if listener.mode is None else int(listener.mode, 8)
        sock = bind_file(address.path, mode, listener.group, place)
        bound = Bound(address, sock, file=identity(address.path))
    try:
        if isinstance(address, AbstractAddress):
            sock.bind(b"\0" + address.name.encode())
        sock.listen(BACKLOG)
    except OSError:
        bound.release()
        raise
    return bound
