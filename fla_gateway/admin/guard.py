"""Rule: which requests the admin listener answers at all.

Owns the defence of a loopback listener against web pages. Refuses to know what the answer would be.
"""

from __future__ import annotations

from collections.abc import Mapping

from fla_gateway.access.guard import listener_names
from fla_gateway.config.address import TcpAddress, UnixAddress, is_loopback


def refusal(address: TcpAddress | UnixAddress, headers: Mapping[str, str]) -> str | None:
    """Decide whether a request is refused.

    On loopback the Host field must be a loopback name, which stops DNS rebinding: a page of evil.example whose name
    suddenly resolves to 127.0.0.1 still sends ``Host: evil.example``. Beyond loopback any name is answered, since a
    kubelet probes by the pod's address and only probes and numbers are served.

    Args:
        address: where the listener listens, with its real port.
        headers: the request's fields, names in any case.

    Returns:
        A problem code, or None to answer.
    """
    if "Origin" in headers or headers.get("Sec-Fetch-Site", "none").lower() not in {"none", "same-origin"}:
        return "browser-refused"
    if isinstance(address, UnixAddress) or not is_loopback(address):
        return None
    names = listener_names(address.port, [address.name], ())
    return None if headers.get("Host", "").lower().encode() in names else "wrong-host"
