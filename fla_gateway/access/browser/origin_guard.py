"""Refuses requests for foreign host names and from pages in browsers (pure).

Owns the refusal of requests that reach the port without the operator's intent: from a page in a browser, or by a name
that was made to point here (DNS rebinding). Refuses to know profiles, tokens and who the caller is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fla_gateway.access.refusal import Refusal
from fla_gateway.http1.fields import FieldLine, value_of
from fla_gateway.i18n.message import Text

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_SIGNS: Final = frozenset((b"origin", b"sec-fetch-site", b"referer", b"user-agent"))
_ENGINE: Final = b"gecko"
"""What the User-Agent of every browser has in it: of Firefox ``Gecko/``, of all others ``(KHTML, like Gecko)``."""
_DEFAULT_PORTS: Final = {b"http": b":80", b"https": b":443"}


_SILENT: Final = Refusal(
    "browser-refused",
    Text(
        "A browser sent this request without saying whether a web page caused it; browsers say so over TLS and to "
        "loopback names only. Open the address as localhost or over TLS. A program of your own must not send a "
        "browser's User-Agent."
    ),
)


_WRONG_HOST: Final = Refusal(
    "wrong-host",
    Text(
        "The Host field has a name or a port that this gateway is not known by. "
        "Call it as localhost with the port of its listener, or add the name to 'hosts' under [gateway] in the "
        "configuration; a tunnel, a container or a service that maps another port changes the field. "
        "If it is the name of an API, the gateway was set as a proxy: make it the base address instead."
    ),
)


def listener_names(port: int, own: Iterable[str], further: Iterable[str]) -> frozenset[bytes]:
    """Return every value of Host that a listener accepts, in lower case.

    Args:
        port: TCP port of the listener; each name is valid with this port and without any.
        own: the address that the listener is bound to, as written in Host.
        further: names of the configuration; one that carries a port of its own is valid with just that. Names in the
            DNS are valid with the dot of an absolute name as well, which many clients send (RFC 3986, section 3.2.2).
    """
    names: set[str] = set()
    for name in (*LOOPBACK_NAMES, *own, *further, *_absolute_names(further)):
        text = name.lower()
        names.add(text)
        if ":" not in text.rpartition("]")[2]:
            names.add(f"{text}:{port}")
    return frozenset(name.encode() for name in names)


def _absolute_names(names: Iterable[str]) -> list[str]:
    """Return the names with a dot at the end, but for addresses and those that have a port or the dot already."""
    return [
        f"{name}." for name in names if not name.endswith((".", "]")) and not name[-1:].isdigit() and ":" not in name
    ]


def judge(
    host: bytes | None,
    lines: list[FieldLine],
    names: frozenset[bytes] | None,
    *,
    secure: bool = False,
    origin: bytes | None = None,
) -> Refusal | None:
    """Refuse a request that carries a foreign host name or that a page in a browser caused.

    Args:
        host: value of Host, or None where HTTP/1.0 sent none.
        lines: the request's fields.
        names: what `listener_names` returned; None for a Unix socket, which no name can be made to point to.
        secure: whether the listener speaks TLS.
        origin: what `cors.trusted_origin` returned: pages of this origin may call.
    """
    if host is not None and names is not None and host.lower() not in names:
        return _WRONG_HOST
    signs = [(lower, value_of(rest).lower()) for name, rest in lines if (lower := name.lower()) in _SIGNS]
    if not signs:
        return None
    cause = _foreign(signs, names, secure) if origin is None else _elsewhere(signs, origin)
    if cause:
        return Refusal(
            "browser-refused",
            Text(
                "The field {field} shows that a web page caused this request; pages may not use the gateway, "
                "unless their origin is named in 'trusted_origins' under [gateway] in the configuration.",
                field=cause,
            ),
        )
    return _SILENT if origin is None and not secure and _is_plain(host) and _silent_browser(signs) else None


def _is_plain(host: bytes | None) -> bool:
    """Return whether browsers send no Fetch Metadata to a name in clear text: any name but the loopback ones."""
    name, colon, port = (host or b"").rpartition(b":")
    bare = name if colon and port.isdigit() else host or b""
    return bool(bare) and bare.lower().decode("latin-1") not in LOOPBACK_NAMES


def _foreign(signs: list[FieldLine], names: frozenset[bytes] | None, secure: bool) -> str | None:  # noqa: FBT001 - private
    """Name the field by which a page other than one of this very listener shows."""
    for name, value in signs:
        if name == b"origin":
            return "Origin"
        # Fetch Metadata: "none" is a person's own navigation, "same-origin" a page of this very listener.
        if name == b"sec-fetch-site" and value not in (b"none", b"same-origin"):
            return "Sec-Fetch-Site"
        if name == b"referer" and value and not _same_site(value, names, b"https" if secure else b"http"):
            return "Referer"
    return None


def _elsewhere(signs: list[FieldLine], origin: bytes) -> str | None:
    """Name the field by which a page of another origin shows than the trusted one that is said."""
    for name, value in signs:
        if name == b"referer" and value and not (value + b"/").startswith((origin + b"/", origin + b"?")):
            return "Referer"
    return None


def _silent_browser(signs: list[FieldLine]) -> bool:
    """Return whether a browser sent the request without a field that shows what caused it.

    Browsers send Fetch Metadata to potentially trustworthy URLs alone: over TLS, and to loopback names. To any other
    name an image tag with ``referrerpolicy=no-referrer`` sends the same fields as a person who types the address.
    """
    declared = any(name == b"sec-fetch-site" or (name == b"referer" and b"://" in value) for name, value in signs)
    return not declared and any(name == b"user-agent" and _ENGINE in value for name, value in signs)


def _same_site(referer: bytes, names: frozenset[bytes] | None, expected: bytes) -> bool:
    scheme, separator, rest = referer.partition(b"://")
    if not separator:
        # "about:blank" or a relative reference: no page of another site.
        return True
    authority = rest.replace(b"?", b"/").replace(b"#", b"/").partition(b"/")[0].removesuffix(b":")
    if b":" not in authority.rpartition(b"]")[2]:
        # A page of the default port is not of this listener, unless that is its port.
        authority += _DEFAULT_PORTS[expected]
    return scheme == expected and (names is None or authority in names)
