"""Adapter: a caller's TLS connection, whose shutdown neither truncates an answer nor waits for a silent caller.

Owns that shutdown. Refuses to encrypt: the event loop's own transport does, and everything else is passed to it.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios
from typing import Any, Final

_FAREWELL_SECONDS: Final = 1.0
"""How long a caller has to answer close_notify; RFC 8446, section 6.1, does not require a peer to wait for it."""
_MOST_STILL: Final = 60
"""Looks in a row, each after that time, at which a caller has taken nothing of what is left: it has stopped reading."""


class TlsTransport(asyncio.Transport):
    """What a connection writes to.

    The loop has one time-out for the TLS shutdown, which starts with `close`. A long one keeps connections whose caller
    never sends close_notify, and with them a gateway that has to stop; a short one truncates an answer that is read
    slowly. So the time-out here starts when everything has been acknowledged.
    """

    def __init__(self, inner: asyncio.Transport) -> None:
        """Wrap a connection.

        Args:
            inner: the loop's own transport, which takes and returns plain bytes.
        """
        super().__init__()
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self._parting = False
        self._left = -1
        self._still = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        self._inner.write(data)

    def can_write_eof(self) -> bool:
        """TLS ends as a whole: what is sent after close_notify is an error to most peers."""
        return False

    def get_write_buffer_size(self) -> int:
        """Count the bytes that the loop still holds, without the encrypted ones in the socket's own queue."""
        return self._inner.get_write_buffer_size()

    def close(self) -> None:
        """Send what is left, then close_notify, and wait briefly for the caller's."""
        # Where the caller's came first, the loop has begun, and would send to a caller that reads nothing for ever.
        if not self._inner.is_closing():
            self._inner.close()
        if not self._parting:
            self._parting = True
            self._loop.call_later(_FAREWELL_SECONDS, self._part)

    def _part(self) -> None:
        sock = self._inner.get_extra_info("socket")
        if sock is None:
            # The caller answered in time, and the connection is lost.
            return
        left = self._inner.get_write_buffer_size() + _on_its_way(sock)
        self._still = self._still + 1 if left == self._left else 0
        self._left = left
        if left and self._still < _MOST_STILL:
            self._loop.call_later(_FAREWELL_SECONDS, self._part)
        else:
            self._inner.abort()

    def abort(self) -> None:
        """End the connection at once, without close_notify."""
        self._inner.abort()

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport`."""
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See `asyncio.BaseTransport`."""
        return self._inner.get_extra_info(name, default)


def _on_its_way(sock: socket.socket) -> int:
    """Count the bytes that the caller's side has not acknowledged.

    Between the loop's buffer of plain bytes and the socket there is another that can be read only through private
    attributes. While that one holds something, the socket's queue is full.
    """
    try:
        queued = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(queued, sys.byteorder)
