"""Adapter: how a TLS connection ended.

Owns one question to OpenSSL. Refuses to know what was read before.
"""

from __future__ import annotations

import asyncio
import ssl


def is_closed_by_peer(transport: asyncio.BaseTransport) -> bool:
    """Return whether the peer itself ended the connection (close_notify), or something cut it (RFC 9112, section 9.8).

    Args:
        transport: of TLS, at the end of its input.
    """
    # asyncio and uvloop differ in whether they report a FIN without close_notify as an end of file; OpenSSL knows.
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    try:
        return tls is not None and tls.read(1) == b""
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False
