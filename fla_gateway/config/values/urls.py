"""URLs of servers that the gateway talks to, as values, and the origins of pages.

Owns a grammar that leaves no room for two readings: ASCII, no user information, no query, no fragment. Refuses to
know which hosts are good ones.
"""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv6Address
from typing import Final

from fla_gateway.config.values.address import is_host_name, parse_ip
from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message
from fla_gateway.lean_dataclass import dataclass

# RFC 3986, section 3, without userinfo, query and fragment; backslash, space, control and non-ASCII match nothing.
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)"
)
# RFC 3986, section 3.4.
_QUERY: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
# WHATWG HTML, "serialization of an origin": what a browser sends in Origin (RFC 6454, section 6.2).
_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<host>[a-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in parts, ready to be compared.

    Attributes:
        scheme: ``https`` or ``http``.
        host: lower case, without brackets and without a trailing dot.
        port: the scheme's default where none was written.
        path: as written; empty, or beginning with a slash.
    """

    scheme: str
    host: str
    port: int
    path: str


def parse_url(text: str, scheme: str) -> Url:
    """Read a URL of one scheme, ``https`` or ``http``.

    Raises:
        ValueError: with a sentence that does not repeat the text, which may hold credentials.
    """
    if "@" in text.partition("://")[2].partition("/")[0]:
        raise InvalidValueError(Message("url-with-credentials", "must not hold a user name or password"))
    if "?" in text or "#" in text:
        raise InvalidValueError(Message("url-with-query", "must have neither a query nor a fragment"))
    match = _URL.fullmatch(text)
    if match is None or match["scheme"].lower() != scheme:
        raise InvalidValueError(
            Message(
                "url-malformed", "must be an address that begins with {scheme}:// and a host in ASCII", scheme=scheme
            )
        )
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port <= 65_535:  # noqa: PLR2004 - the largest port
        raise InvalidValueError(Message("url-port-out-of-range", "must have a port from 1 to 65535"))
    return Url(scheme, _host(match["v6"], match["host"]), port, match["path"])


def parse_webhook_url(text: str) -> Url:
    """Read an https URL that may have a query, as services give them out with a signature in it.

    Returns:
        The URL, whose path has the query at its end, and a slash where there was no path: what a request line has.

    Raises:
        ValueError: as `parse_url`.
    """
    address, mark, query = text.partition("?")
    if "#" in text:
        raise InvalidValueError(Message("url-with-fragment", "must not have a fragment"))
    url = parse_url(address, "https")
    if _QUERY.fullmatch(query) is None:
        raise InvalidValueError(Message("url-query-malformed", "must have a query in ASCII, percent-encoded"))
    return replace(url, path=f"{url.path or '/'}{mark}{query}")


def check_origin(text: str) -> None:
    """Check that a text is the origin of a page as browsers write it, of any scheme: compared byte for byte later.

    Raises:
        ValueError: with a sentence that does not repeat the text.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise InvalidValueError(
            Message(
                "origin-malformed",
                "must be an origin in lower case: scheme://host or scheme://host:port, without a path",
            )
        )
    if _host(match["v6"], match["host"]) != (match["v6"] or match["host"]):
        raise InvalidValueError(
            Message("origin-host-not-shortest", "must have its host in the shortest notation, as browsers write it")
        )
    if match["port"] is None:
        return
    port = int(match["port"])
    if port == _DEFAULT_PORTS.get(match["scheme"]) or str(port) != match["port"] or not 0 < port <= 65_535:  # noqa: PLR2004 - the largest port
        raise InvalidValueError(
            Message(
                "origin-port-malformed",
                "must have a port as browsers write it: from 1 to 65535, and none where it is the default",
            )
        )


def _host(v6: str | None, name: str | None) -> str:
    ip = parse_ip(v6 or name or "")
    if ip is not None and isinstance(ip, IPv6Address) == (v6 is not None):
        return str(ip)
    host = (name or "").lower().removesuffix(".")
    if v6 is not None or not is_host_name(host):
        raise InvalidValueError(Message("url-host-malformed", "must have a host that is a host name or an IP address"))
    return host
