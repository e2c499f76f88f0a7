"""Adapter: what is asked of a peer's certificate beyond its chain, name and purpose.

Owns the flags of verification, one value for every context and every Python. Refuses to know roots.
"""

from __future__ import annotations

import ssl
from typing import Final

VERIFY_FLAGS: Final = ssl.VERIFY_X509_TRUSTED_FIRST
"""What OpenSSL and Python up to 3.12 do by themselves; chains, names, dates and purposes are verified."""


def set_verify_flags(context: ssl.SSLContext) -> None:
    """Set the flags, whatever the version of Python has set.

    Since 3.13 `ssl.create_default_context` asks for the letter of RFC 5280 (VERIFY_X509_STRICT), which the certificates
    of proxies that open TLS and of home-made authorities lack: an authority key identifier, a root's key usage. curl,
    Java and browsers take them. It also lets any certificate of `ca_file` end a chain (VERIFY_X509_PARTIAL_CHAIN), so
    that what was only to complete a chain becomes an anchor.
    """
    context.verify_flags = VERIFY_FLAGS
