"""Adapter: whose process is at the other end of a unix socket, as the kernel tells it (unix(7), SO_PEERCRED).

Owns the reading, and which ids stand for nobody. Refuses to know what anybody may do.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Final, NamedTuple

# unix(7), struct ucred: pid_t, uid_t, gid_t.
_UCRED: Final = struct.Struct("iII")
_OVERFLOW: Final = 65_534
"""What the kernel shows for an id that has no counterpart in its user namespace, unless it was set otherwise."""
_SYSCTL: Final = Path("/proc/sys/kernel")


class PeerIds(NamedTuple):
    """The ids of a process, as they were when it connected.

    Attributes:
        uid: user id.
        gid: group id.
    """

    uid: int
    gid: int


def peer_ids(sock: socket.socket) -> PeerIds | None:
    """Give the ids of the process that connected; None if the kernel does not tell, or the connection is gone.

    Args:
        sock: this end of a connection over a unix socket.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        _, uid, gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    except OSError:
        return None
    return PeerIds(uid, gid)


def overflow_ids() -> PeerIds:
    """Give the ids that stand for everybody who is unknown in this user namespace, and so for nobody.

    See user_namespaces(7), on overflowuid and overflowgid.
    """
    return PeerIds(_overflow("overflowuid"), _overflow("overflowgid"))


def _overflow(name: str) -> int:
    try:
        return int((_SYSCTL / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _OVERFLOW
