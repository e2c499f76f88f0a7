"""Adapter: the alert by which a caller learns why its TLS handshake failed (RFC 8446, section 6.2).

Owns sending it. Refuses to know why a handshake fails. The event loops drop what OpenSSL has written by then, so that a
caller with an expired certificate would see nothing but the end of the connection.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from contextvars import ContextVar
from typing import Final

_SOCKET: Final[ContextVar[socket.socket | None]] = ContextVar("socket of the handshake", default=None)


def alert_on(sock: socket.socket) -> None:
    """Let the handshake that the running task begins send its alert; the event loop hands its context on.

    Args:
        sock: of the connection, non-blocking.
    """
    _SOCKET.set(sock)


class AlertingObject(ssl.SSLObject):
    """The TLS of one connection, which sends its alert itself where its handshake fails."""

    _outgoing: ssl.MemoryBIO | None = None
    _sock: socket.socket | None = None

    def sends_by(self, outgoing: ssl.MemoryBIO) -> None:
        """Take the buffer in which OpenSSL leaves what is to be sent."""
        self._outgoing, self._sock = outgoing, _SOCKET.get()

    def do_handshake(self) -> None:
        """See `ssl.SSLObject`."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            if self._outgoing is not None and self._sock is not None:
                # A caller that does not even take these few bytes learns nothing.
                with suppress(OSError):
                    self._sock.send(self._outgoing.read())
            raise
        self._outgoing = self._sock = None
