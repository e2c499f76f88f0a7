"""Rule: which requests the admin listener answers at all.

Owns the defence of the listener against web pages. Refuses to know what the response would be, and which client asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fla_gateway.access.browser.origin_guard import judge, listener_names
from fla_gateway.config.values.address import Address, TcpAddress, is_loopback

_BROWSER_FIELDS = ("Origin", "Sec-Fetch-Site", "Referer")
_ENGINE = "gecko"
"""What the User-Agent of every browser has in it: of Firefox ``Gecko/``, of all others ``(KHTML, like Gecko)``."""


def refusal(
    address: Address,
    headers: Mapping[str, str],
    *,
    surface: bool = False,
    action: bool = False,
    hosts: Sequence[str] = (),
    local: str = "",
) -> str | None:
    """Decide whether a request is refused.

    On loopback the Host field must be a loopback name, which stops DNS rebinding: a page of evil.example whose name
    suddenly resolves to 127.0.0.1 still sends ``Host: evil.example``. Beyond loopback any name is answered where
    probes and numbers are asked for, since a kubelet probes by the pod's address; the operator's surface is known by
    configured names and by the address that the connection was made to, which no name server can forge.

    Args:
        address: where the listener listens, with its real port.
        headers: the request's fields, names in any case.
        surface: whether the operator's surface is asked for: page, status and their parts, or an action.
        action: whether something is to be done. No page does: a browser is known by its User-Agent as well, since
            old ones cause requests that show no page.
        hosts: names of the configuration.
        local: address of this end of the connection, as it is written in Host; empty if unknown.

    Returns:
        A problem code, or None to answer.
    """
    names = None
    if isinstance(address, TcpAddress) and (surface or is_loopback(address)):
        own = [address.name, local] if local and surface else [address.name]
        names = listener_names(address.port, own, hosts if surface else ())
    lines = [(name.encode(), b":" + _bytes(headers[name])) for name in _BROWSER_FIELDS if name in headers]
    host = headers.get("Host")
    # Only HTTP/1.0 comes without it, of old probes; every browser sends one.
    found = judge(None if host is None else _bytes(host), lines, names)
    if found is None:
        return "browser-refused" if action and _is_browser(headers) else None
    return found.code


def _is_browser(headers: Mapping[str, str]) -> bool:
    return _ENGINE in headers.get("User-Agent", "").lower() or any(name in headers for name in _BROWSER_FIELDS)


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
