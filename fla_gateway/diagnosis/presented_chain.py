"""Adapter: which certificate a server presents, asked without verifying it.

Owns the only unverified TLS handshake of the program, for the sentence that says who presented what. Refuses to send a
byte after the handshake, and to hand out the chain: a chain that was merely seen is never trusted.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass

from cryptography import x509

from fla_gateway.errors import GatewayError
from fla_gateway.network.connect_tunnel import open_tunnel
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import Route

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate as a server presented it; nothing proves it.

    Attributes:
        subject: distinguished name (RFC 4514).
        issuer: distinguished name of the authority that it names.
        not_after: the end of its validity, as text.
    """

    subject: str
    issuer: str
    not_after: str


class SilentProtocol(asyncio.Protocol):
    """Sends nothing. The mutable state is whether the connection has ended."""

    def __init__(self) -> None:
        """Begin, on a loop that runs."""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it ended
        """See `asyncio.Protocol`."""
        self.lost.set_result(None)


async def presented_certificate(route: Route, resolver: Resolver) -> Presented | None:
    """Look at the certificate of a server, or of whatever answers in its place; None where there is none to see."""
    try:
        async with asyncio.timeout(_SECONDS):
            der = await _look(route, resolver)
    except (OSError, GatewayError, TimeoutError, RuntimeError):
        return None
    try:
        found = x509.load_der_x509_certificate(der or b"")
        ends = f"{found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        return Presented(found.subject.rfc4514_string(), found.issuer.rfc4514_string(), ends)
    except ValueError:
        return None


async def _look(route: Route, resolver: Resolver) -> bytes | None:
    hop = route.first_hop
    loop = asyncio.get_running_loop()
    addresses = await resolver.addresses(hop.host, stale=False)
    address = addresses[0].at(hop.port)

    sock = socket.socket(address.family, socket.SOCK_STREAM)
    sock.setblocking(False)  # noqa: FBT003 - of the library
    try:
        await loop.sock_connect(sock, address.socket)
        if route.proxy is not None:
            await open_tunnel(sock, route.proxy, route.destination.authority)
    except BaseException:
        sock.close()
        raise
    transport, protocol = await loop.create_connection(
        SilentProtocol, sock=sock, ssl=_unverified(), server_hostname=route.destination.host
    )
    try:
        tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True)
    finally:
        # Without the alert that says goodbye: nothing is sent.
        transport.abort()
        await protocol.lost


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
