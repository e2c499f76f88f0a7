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
_LARGEST_ANSWER: Final = 65_536
"""Interim responses included, as on the other legs."""
_END_OF_HEAD: Final = b"\r\n\r\n"
_INTERIM: Final = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}[ \r]").match
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
    _judge(await _final_answer(sock))


async def _final_answer(sock: socket.socket) -> bytes:
    """Read a head, and what came with it; interim responses in front of it (RFC 9110, section 15.2) are skipped."""
    loop = asyncio.get_running_loop()
    answer, room = b"", _LARGEST_ANSWER
    while True:
        while (end := answer.find(_END_OF_HEAD)) < 0:
            received = await loop.sock_recv(sock, 4096)
            answer += received
            room -= len(received)
            # Behind an empty line that ends with a bare line feed nothing more comes.
            if not received or len(answer) > _LARGEST_HEAD or room < 0 or b"\n\n" in answer:
                raise TunnelRefusedError(Text("The corporate proxy did not answer CONNECT with an HTTP head."))
        if _INTERIM(answer) is None:
            return answer
        answer = answer[end + len(_END_OF_HEAD) :]


def _judge(answer: bytes) -> None:
    status = _STATUS(answer)
    if status is None:
        raise TunnelRefusedError(Text("The corporate proxy's answer to CONNECT is not HTTP/1.1."))
    if not status[1].startswith(b"2"):
        message = Text("The corporate proxy answered CONNECT with {status}.", status=status[1].decode())
        raise TunnelRefusedError(message, int(status[1]), _offered_schemes(answer))
    # RFC 9110, section 9.3.6: the tunnel begins right after the head. The server of a TLS connection never speaks
    # first, so any bytes here come from another sender.
    if not answer.endswith(_END_OF_HEAD) or answer.count(_END_OF_HEAD) > 1:
        raise TunnelRefusedError(Text("The corporate proxy sent bytes of its own before the TLS handshake."))


def _offered_schemes(answer: bytes) -> tuple[str, ...]:
    """Read the schemes of Proxy-Authenticate (RFC 9110, section 11.7.1); none where the head is malformed."""
    try:
        head = read_response_head(answer[: answer.index(_END_OF_HEAD) + len(_END_OF_HEAD)])
    except ProtocolError:
        return ()
    values = [value_of(rest) for name, rest in head.lines if name.lower() == b"proxy-authenticate"]
    members = _QUOTED.sub(b"", b",".join(values)).split(b",")
    found = [match[1].decode() for member in members if (match := _SCHEME(member)) is not None]
    return tuple(dict.fromkeys(found))[:_MOST_SCHEMES]
