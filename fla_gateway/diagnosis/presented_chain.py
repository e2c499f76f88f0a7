"""Adapter: which certificate a server presents, asked without verifying it.

Owns the only unverified TLS handshake with another machine, for the sentence that says who presented what. Refuses to
send a byte after the handshake, and to hand out the chain: a chain that was merely seen is never trusted.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509

from fla_gateway.errors import GatewayError
from fla_gateway.keys.certificate_fields import issuer_of, subject_of
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.address import Address
from fla_gateway.network.connect_tunnel import open_tunnel
from fla_gateway.network.route import Route

_SECONDS: Final = 2.0
"""For each address."""
_MOST: Final = 4
"""Addresses that are looked at: each may lead to another machine, and only one of them to the wrong one."""
_MOST_NAMES: Final = 3


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate as a server presented it; nothing proves it.

    Attributes:
        subject: distinguished name (RFC 4514).
        names: the first names that it is for, or empty.
        issuer: distinguished name of the authority that it names.
        not_before: the begin of its validity.
        not_after: the end of its validity.
        addresses: those that presented it.
    """

    subject: str
    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    addresses: tuple[str, ...] = ()


class SilentProtocol(asyncio.Protocol):
    """Sends nothing. The mutable state is whether the connection has ended."""

    def __init__(self) -> None:
        """Begin, on a loop that runs."""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it ended
        """See `asyncio.Protocol`."""
        self.lost.set_result(None)


async def presented_certificates(route: Route, addresses: Sequence[Address]) -> tuple[Presented, ...]:
    """Look at the certificates of a server, or of whatever answers in its place, each once.

    Args:
        route: where to.
        addresses: of its first hop, without a port. Behind a proxy the first that answers is enough: the proxy chooses
            the address of the server.
    """
    found: dict[bytes, Presented] = {}
    for address in addresses[:_MOST]:
        der = await _seen_at(address.at(route.first_hop.port), route)
        one = found.get(der) or _read(der)
        if one is not None:
            found[der] = replace(one, addresses=(*one.addresses, str(address.socket[0])))
            if route.proxy is not None:
                break
    return tuple(found.values())


async def _seen_at(address: Address, route: Route) -> bytes:
    """Return the certificate that an address presents; empty where there is none to see."""
    try:
        async with asyncio.timeout(_SECONDS):
            return await _look(address, route) or b""
    except (OSError, GatewayError, RuntimeError):
        return b""


def _read(der: bytes) -> Presented | None:
    try:
        found = x509.load_der_x509_certificate(der)
        subject, issuer = subject_of(found).rfc4514_string(), issuer_of(found).rfc4514_string()
    except ValueError:
        return None
    return Presented(subject, _names(found), issuer, found.not_valid_before_utc, found.not_valid_after_utc)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    return tuple(names.get_values_for_type(x509.DNSName)[:_MOST_NAMES])


async def _look(address: Address, route: Route) -> bytes | None:
    loop = asyncio.get_running_loop()
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
