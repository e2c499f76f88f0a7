"""A TLS server that demands a client certificate, on a thread: the event loops' own servers send no alert."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def demanding_server(context: ssl.SSLContext) -> Iterator[int]:
    """Refuse connections one after the other, for want of a certificate; give the port.

    Args:
        context: of the server's side; changed here.
    """
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                # The failed handshake closes its own: with a request unread, its reset would overtake the alert.
                with connection.dup() as kept:
                    with suppress(OSError):
                        context.wrap_socket(connection, server_side=True)
                    with suppress(OSError):
                        kept.shutdown(socket.SHUT_WR)
                        while kept.recv(65_536):
                            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
