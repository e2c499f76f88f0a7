"""Rule: which product opened a TLS connection, by the name under which it issues certificates.

Owns the list of names. Refuses to conclude from a name that is missing: a company names its own authority as it likes.
"""

from __future__ import annotations

from typing import Final

_PRODUCTS: Final = (
    "Zscaler", "Netskope", "Forcepoint", "Websense", "Blue Coat", "BlueCoat", "Symantec Web Security", "Fortinet",
    "FortiGate", "Palo Alto", "Sophos", "WatchGuard", "SonicWall", "Check Point", "Barracuda", "Cisco Umbrella",
    "Cisco Secure", "McAfee Web", "Skyhigh", "Trend Micro", "Menlo Security", "iboss", "Cato Networks",
    "Cloudflare for Teams", "Smoothwall", "Untangle", "Kerio", "Kaspersky", "ESET SSL Filter", "Avast", "AVG ",
    "Bitdefender", "G DATA",    "Squid", "mitmproxy", "Fiddler", "Charles Proxy", "PortSwigger",
)  # fmt: skip


def inspecting_product(issuer: str) -> str:
    """Name the product that issues certificates under a name; empty where none is recognised.

    Args:
        issuer: distinguished name of an issuer.
    """
    lower = issuer.lower()
    return next((it.strip() for it in _PRODUCTS if it.lower() in lower), "")
