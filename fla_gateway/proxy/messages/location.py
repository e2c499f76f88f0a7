"""Rule: addresses in the fields of an answer, rewritten into those by which the caller reaches the gateway (pure).

Owns Location and Content-Location. Refuses to look into bodies, and to lead to another host.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from fla_gateway.profiles import Upstream

_ABSOLUTE: Final = re.compile(rb"(?:(https?):)?//([^/?#@\\]*+)(/[^\r\n]*+|)", re.IGNORECASE).fullmatch
# Another host in the eyes of a browser, which takes "\\" for "/" and leaves tabs out (WHATWG URL, section 4.4).
_OTHER_HOST: Final = re.compile(rb"/\t*+[/\\]").match
# Name and port, zeros in front of the port left out (RFC 3986, section 3.2.3); what is no port stays with the name.
_AUTHORITY: Final = re.compile(rb"(.*?)(?::(?:0*+([0-9]{1,5}))?)?", re.DOTALL).fullmatch


class Address(NamedTuple):
    """What is needed to rewrite an address of the API into one that the caller can use.

    Attributes:
        upstream: where the profile's requests are sent.
        prefix: ``/<profile>``, or nothing on a listener of the profile's own.
        scheme: of the listener.
    """

    upstream: Upstream
    prefix: bytes
    scheme: bytes = b"http"


def rewrite_location(value: bytes, address: Address, host: bytes | None) -> bytes:
    """Rewrite an address of the API into the address by which the caller reaches it.

    Absolute at the API's own origin (compared as parsed; without a scheme it has that of the request, RFC 3986, section
    5.2.2), or a path under /REST/; anything else stays as it is.

    Args:
        value: of Location or Content-Location.
        address: of the profile.
        host: the request's Host; without one (HTTP/1.0) a path is returned.
    """
    if value.startswith(b"/REST/"):
        return address.prefix + value
    match = _ABSOLUTE(value)
    if match is None or not _is_origin(match[1] or b"https", match[2], address.upstream):
        return value
    path = address.prefix + (match[3] or b"/")
    if host:
        return address.scheme + b"://" + host + path
    # A path alone must not be read as another host; in that case the API's own address is kept.
    return value if _OTHER_HOST(path) else path


def _is_origin(scheme: bytes, authority: bytes, upstream: Upstream) -> bool:
    name, port = _AUTHORITY(authority).groups(b"")  # type: ignore[union-attr]  # it matches any text
    return (
        scheme.lower() == b"https"
        and name.lower().strip(b"[]").decode("latin-1") == upstream.host
        and (int(port) if port else 443) == upstream.port
    )
