"""Adapter: what the kernel knows of a connection's socket and the loop has not read yet.

Owns poll(2) and the one socket option that decides how a connection ends. Refuses to know what is read or written.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import Callable
from typing import Final

_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)


def poll_arrivals(transport: asyncio.Transport) -> Callable[[int], object]:
    """Return a poll of a connection's socket, registered once.

    Called with 0, it returns at once; the result is true where bytes, an end or an error wait to be read by the loop.
    """
    sock = getattr(transport, "get_extra_info", lambda _: None)("socket")
    if sock is None:
        return _nothing
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    return poller.poll


def _nothing(_timeout: int) -> bool:
    return False


def is_reset(transport: asyncio.Transport) -> bool:
    """Return whether the peer reset a connection, also while its reading is paused."""
    poller = select.poll()
    poller.register(transport.get_extra_info("socket").fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, event in poller.poll(0))


def reset_at_close(transport: asyncio.Transport) -> None:
    """Have the end of a connection be a reset (RST), which no peer takes for a regular end (FIN)."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
