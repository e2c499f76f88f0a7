"""Rule: which requests the admin listener answers at all.

Owns the defence of a loopback listener against web pages. Refuses to know what the answer would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from fla_gateway.config.address import TcpAddress, UnixAddress, is_loopback

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def refusal(address: TcpAddress | UnixAddress, port: int, headers: Mapping[str, str]) -> str | None:
    """Decide whether a request is refused.

    On loopback the Host field must be a loopback name, which stops DNS rebinding: a page of evil.example whose name
    suddenly resolves to 127.0.0.1 still sends ``Host: evil.example``. Beyond loopback any name is answered, since a
    kubelet probes by the pod's address and only probes and numbers are served.

    Args:
        address: where the listener listens.
        port: its real port, where `address` leaves the choice to the system; 0 for a unix socket.
        headers: the request's fields, names in any case.

    Returns:
        A problem code, or None to answer.
    """
    if "Origin" in headers or headers.get("Sec-Fetch-Site", "none").lower() not in {"none", "same-origin"}:
        return "browser-refused"
    if isinstance(address, UnixAddress) or not is_loopback(address):
        return None
    return None if _is_ours(headers.get("Host", ""), address, port) else "wrong-host"


def _is_ours(host: str, address: TcpAddress, port: int) -> bool:
    name, colon, digits = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        name = host
    elif digits != str(port):
        return False
    return name.lower() in _LOOPBACK_NAMES or name == _in_brackets(address.host)


def _in_brackets(host: str) -> str:
    try:
        return f"[{host}]" if ip_address(host).version == 6 else host  # noqa: PLR2004 - IPv6
    except ValueError:
        return host
