"""Adapter: reads the user and group id of the peer of a unix socket from the kernel (unix(7), SO_PEERCRED).

Owns the reading, and which ids identify no user or group. Refuses to know what a peer may do.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Final, NamedTuple

# unix(7), struct ucred: pid_t, uid_t, gid_t.
_UCRED: Final = struct.Struct("iII")
_OVERFLOW: Final = 65_534
"""The id that the kernel reports for one that has no counterpart in its user namespace, unless it was set otherwise."""
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
    """Return the ids of the process that connected; None if the kernel does not report them, or the connection is gone.

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
    """Return the ids of all users and groups that are unknown in this user namespace; they identify none of them.

    See user_namespaces(7), on overflowuid and overflowgid.
    """
    return PeerIds(_overflow("overflowuid"), _overflow("overflowgid"))


def _overflow(name: str) -> int:
    try:
        return int((_SYSCTL / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _OVERFLOW
