"""Adapter: the user id of the process at the other end of a local connection.

Owns the reading of Linux's tables of sockets (proc_pid_net(5)). Refuses to guess: where a user id is not certain,
there is none.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

from fla_gateway.system.peer_credentials import overflow_ids, peer_ids

_TABLES: Final = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))

# Columns of a row after its number, and the state in which a socket still belongs to a process. One that was closed is
# in the table as root's until TCP is done with it: a peer that sends and closes at once must not be taken for root.
_UID, _INODE = 7, 9
_ESTABLISHED: Final = "01"
_NO_INODE: Final = b"0"


class Endpoint(NamedTuple):
    """One end of a TCP connection.

    Attributes:
        host: IPv4 or IPv6 address.
        port: TCP port.
    """

    host: str
    port: int


def peer_uid(sock: socket.socket) -> int | None:
    """Return the user id of the process that made a connection from this machine; None if it is not known.

    Reads files of the kernel: to be called in a thread.

    Args:
        sock: this end of the connection.
    """
    if sock.family == socket.AF_UNIX:
        ids = peer_ids(sock)
        uid = None if ids is None else ids.uid
    else:
        uid = _tcp_uid(sock)
    return None if uid == overflow_ids().uid else uid


def _tcp_uid(sock: socket.socket) -> int | None:
    try:
        peer, own = sock.getpeername(), sock.getsockname()
    except OSError:
        return None
    return uid_of(Endpoint(peer[0], peer[1]), Endpoint(own[0], own[1]))


def uid_of(client: Endpoint, server: Endpoint, tables: tuple[Path, ...] = _TABLES) -> int | None:
    """Find the owner of the client's end of a connection between two processes of this machine.

    Args:
        client: the end whose owner is looked for.
        server: the other end.
        tables: files in the form of /proc/net/tcp.
    """
    # A client on an IPv6 socket reaches an IPv4 listener by mapped addresses (RFC 4291, section 2.5.5.2), as Java does.
    pairs = [*zip(_written(client), _written(server), strict=False)]
    owners = {int(row[_UID]) for row in _rows(tables, pairs) if row[_INODE] != _NO_INODE}
    return owners.pop() if len(owners) == 1 else None


def _rows(tables: tuple[Path, ...], pairs: Sequence[tuple[str, str]]) -> Iterator[list[bytes]]:
    """Yield the columns of established connections between the ends.

    The lines are searched, not taken apart: any client can fill the tables with thousands of its closed connections.
    """
    for table in tables:
        try:
            data = table.read_bytes()
        except OSError:
            continue
        for local, remote in pairs:
            wanted = f": {local} {remote} {_ESTABLISHED} ".encode()
            at = data.find(wanted)
            while at >= 0:
                columns = data[at : data.find(b"\n", at) + 1].split()
                # The number of the line is cut off, but for its colon.
                if len(columns) > _INODE:
                    yield columns
                at = data.find(wanted, at + 1)


def _written(end: Endpoint) -> tuple[str, ...]:
    """Write an end as the tables have it: words of 32 bits in the machine's order, in hexadecimal digits."""
    address = ip_address(end.host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    forms: tuple[IPv4Address | IPv6Address, ...] = (address,)
    if isinstance(address, IPv4Address):
        forms = (address, IPv6Address(f"::ffff:{address}"))
    return tuple(f"{_hexadecimal(form.packed)}:{end.port:04X}" for form in forms)


def _hexadecimal(packed: bytes) -> str:
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
