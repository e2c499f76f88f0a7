"""Adapter: a tunnel through the corporate proxy (CONNECT; RFC 9110, section 9.3.6), for both legs.

Owns the CONNECT head and the judgement of its answer. Refuses to know what is said in the tunnel, and to put a refusal
into words (`connection_errors`).
"""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from typing import Final

from fla_gateway.errors import GatewayError
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import value_of
from fla_gateway.http1.response import read_response_head
from fla_gateway.i18n.message import Text
from fla_gateway.network.route import Egress

USER_AGENT: Final = "fla-gateway"
"""The User-Agent that the gateway sends to proxies and servers."""
_LARGEST_HEAD: Final = 16_384
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r]").match
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"')
# RFC 9110, section 11.3: a scheme is followed by a space or by nothing; a name before "=" is a parameter.
_SCHEME: Final = re.compile(rb"[ \t]*+([A-Za-z][A-Za-z0-9._-]{0,31})(?![^ \t])(?![ \t]*+=)").match
_MOST_SCHEMES: Final = 8


class TunnelRefusedError(GatewayError):
    """The proxy did not open the tunnel, or said more than it may.

    Attributes:
        status: of its answer, where that refuses; None for anything else.
        message: what it did instead, as a sentence.
        schemes: authentication schemes that a 407 offers, as the proxy writes them: letters, digits and ``._-`` alone.
    """

    def __init__(self, message: Text, status: int | None = None, schemes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.schemes = schemes


async def open_tunnel(sock: socket.socket, egress: Egress, authority: str) -> None:
    """Ask the proxy for a tunnel; afterwards the socket leads to the other end.

    Args:
        sock: non-blocking, connected to the proxy.
        egress: the proxy, whose credentials go into this head and nowhere else.
        authority: ``host:port`` of the other end, an IPv6 address in brackets.

    Raises:
        TunnelRefusedError: there is no tunnel, or not a clean one.
        OSError: the connection broke.
    """
    loop = asyncio.get_running_loop()
    # User-Agent: RFC 9110, section 10.1.5; there are proxies that refuse a CONNECT without.
    head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {USER_AGENT}\r\n"
    if egress.user is not None and egress.password is not None:
        pair = base64.b64encode(f"{egress.user}:{egress.password.reveal()}".encode()).decode()
        head += f"Proxy-Authorization: Basic {pair}\r\n"
    await loop.sock_sendall(sock, head.encode() + b"\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        received = await loop.sock_recv(sock, 4096)
        answer += received
        if not received or len(answer) > _LARGEST_HEAD:
            raise TunnelRefusedError(Text("The corporate proxy did not answer CONNECT with an HTTP head."))
    _judge(answer)


def _judge(answer: bytes) -> None:
    status = _STATUS(answer)
    if status is None:
        raise TunnelRefusedError(Text("The corporate proxy's answer to CONNECT is not HTTP/1.1."))
    if not status[1].startswith(b"2"):
        message = Text("The corporate proxy answered CONNECT with {status}.", status=status[1].decode())
        raise TunnelRefusedError(message, int(status[1]), _offered_schemes(answer))
    # RFC 9110, section 9.3.6: the tunnel begins right after the head. The server of a TLS connection never speaks
    # first, so any bytes here come from another sender.
    if not answer.endswith(b"\r\n\r\n") or answer.count(b"\r\n\r\n") > 1:
        raise TunnelRefusedError(Text("The corporate proxy sent bytes of its own before the TLS handshake."))


def _offered_schemes(answer: bytes) -> tuple[str, ...]:
    """Read the schemes of Proxy-Authenticate (RFC 9110, section 11.7.1); none where the head is malformed."""
    try:
        head = read_response_head(answer[: answer.index(b"\r\n\r\n") + 4])
    except ProtocolError:
        return ()
    values = [value_of(rest) for name, rest in head.lines if name.lower() == b"proxy-authenticate"]
    members = _QUOTED.sub(b"", b",".join(values)).split(b",")
    found = [match[1].decode() for member in members if (match := _SCHEME(member)) is not None]
    return tuple(dict.fromkeys(found))[:_MOST_SCHEMES]
