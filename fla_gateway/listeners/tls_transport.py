"""Adapter: a caller's TLS connection, with an end that neither cuts an answer nor waits for a caller who is silent.

Owns that end. Refuses to encrypt: the event loop's own transport does, and is passed through for everything else.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
import termios
from typing import Any, Final

_FAREWELL_SECONDS: Final = 1.0
"""How long a caller has to answer close_notify; RFC 8446, section 6.1, obliges nobody to wait for it at all."""


class TlsTransport(asyncio.Transport):
    """What a connection writes to.

    The loop knows one time-out for the end of TLS, which starts with `close`: long, it keeps connections whose caller
    never says farewell, and with them a gateway that is to stop; short, it cuts the end off an answer that is taken
    slowly. So the time here starts when everything has arrived.
    """

    def __init__(self, inner: asyncio.Transport) -> None:
        """Wrap a connection.

        Args:
            inner: the loop's own transport, which takes and gives plain bytes.
        """
        super().__init__()
        self._inner = inner
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        self._inner.write(data)

    def can_write_eof(self) -> bool:
        """TLS ends as a whole: what is sent after close_notify is an error to most peers."""
        return False

    def get_write_buffer_size(self) -> int:
        """Count the bytes that the loop still holds; what lies encrypted in the socket's own queue is not counted."""
        return self._inner.get_write_buffer_size()

    def close(self) -> None:
        """Send what is left, then close_notify, and wait a moment for the caller's."""
        if not self._inner.is_closing():
            self._inner.close()
            self._loop.call_later(_FAREWELL_SECONDS, self._part)

    def _part(self) -> None:
        if self._inner.get_write_buffer_size() or self._on_its_way():
            # The caller is slow; whether he has stopped altogether is for those to judge who know what he reads.
            self._loop.call_later(_FAREWELL_SECONDS, self._part)
        else:
            self._inner.abort()

    def _on_its_way(self) -> int:
        """Count the bytes that the caller's side has not acknowledged.

        Between the loop's buffer of plain bytes and the socket there is another that can be asked only through private
        parts. While that one holds something, the socket's queue is full.
        """
        try:
            queued = fcntl.ioctl(self._inner.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        except OSError:
            return 0
        return int.from_bytes(queued, sys.byteorder)

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
