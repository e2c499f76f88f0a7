"""Adapter: the sockets of the sandbox's two listeners, and TLS for the one of them.

Owns binding, with the reason where an address cannot be had. Refuses to serve; `server` does.
"""

from __future__ import annotations

import errno
import socket
import ssl
import tempfile
from pathlib import Path

from fla_gateway.sandbox.errors import AddressInUseError, SandboxError
from fla_gateway.sandbox.options import host_and_port
from fla_gateway.sandbox.pki import ServerCredentials


def tls_context(server: ServerCredentials) -> ssl.SSLContext:
    """Make the server's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # One value on every Python: 3.13 and newer ask for more, see docs/security.md.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The ssl module reads keys from files alone.
    with tempfile.TemporaryDirectory(prefix="fla-gateway-sandbox-") as place:
        chain = Path(place, "server.pem")
        chain.touch(mode=0o600)
        chain.write_bytes(server.certificate + server.key)
        context.load_cert_chain(chain)
    return context


def bound(address: str) -> socket.socket:
    """Bind an address and listen.

    Raises:
        SandboxError: it cannot be had; an `AddressInUseError` where another program has it.
    """
    host, port = host_and_port(address)
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(f"{address} cannot be listened on: another program listens there") from error
        raise SandboxError(f"{address} cannot be listened on: {error.strerror}") from error


def authority(listener: socket.socket) -> str:
    """Write host and port of a socket as a URL has them."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
