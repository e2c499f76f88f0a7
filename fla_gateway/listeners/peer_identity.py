"""Adapter: what the kernel and TLS prove about the peer of a connection.

Owns reading it from a transport. Refuses to decide which caller it identifies, and whether it suffices (`access`).
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import Iterable
from typing import Any

from fla_gateway.access.authentication.caller import Peer
from fla_gateway.system.peer_credentials import peer_ids


def peer_of(transport: asyncio.BaseTransport, *, roots: frozenset[bytes] | None = None) -> Peer | None:
    """Return the identity of a connection's peer; None if nothing is proven.

    A Unix socket proves user and group of the process that connected, as they were at that moment. TLS proves the names
    of a client certificate that was issued by one of the listener's roots. Its validity period comes with them: it is
    verified in a full handshake alone, and a session of TLS 1.2 that is resumed has none (`ssl` cannot switch OpenSSL's
    cache of them off).

    Args:
        transport: of a caller's connection, as `connection_made` gave it.
        roots: what the roots of the listener are recognised by now, empty if it has none: a certificate proves nothing
            if one of those that it was verified by is gone. None where they never change.
    """
    tls = transport.get_extra_info("ssl_object")
    if tls is not None:
        proven_by = getattr(transport.get_extra_info("sslcontext"), "client_roots", None)
        if roots is not None and (proven_by is None or not proven_by <= roots):
            return None
        # An empty certificate is one that was not verified, and None is none: neither proves anything.
        certificate = tls.getpeercert() or {}
        names = _names(certificate.get("subjectAltName", ()))
        return Peer(None, None, names, *_validity(certificate)) if names else None
    sock = transport.get_extra_info("socket")
    ids = peer_ids(sock) if sock is not None and sock.family == socket.AF_UNIX else None
    return None if ids is None else Peer(*ids)


def _validity(certificate: dict[str, Any]) -> tuple[float, float]:
    """Read the validity period in seconds since the epoch; one that cannot be read counts as never valid."""
    try:
        return ssl.cert_time_to_seconds(certificate["notBefore"]), ssl.cert_time_to_seconds(certificate["notAfter"])
    except (KeyError, ValueError):
        return math.inf, -math.inf


def _names(alternatives: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Take the alternative names whose form shows their kind, so that a name of one kind never passes for another's.

    Host names are without case (RFC 4343), so they are given in lower case.
    """
    found = set()
    for kind, name in alternatives:
        if kind == "DNS" and not set(name) & set(":@/"):
            found.add(name.lower())
        elif (kind == "URI" and ":" in name) or (kind == "email" and "@" in name and ":" not in name):
            found.add(name)
    return frozenset(found)
