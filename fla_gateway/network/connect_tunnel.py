"""Port: a tunnel through the corporate proxy (CONNECT; RFC 9110, section 9.3.6), for both legs.

Owns the proxy's value, the CONNECT head and the judgement of its answer. Refuses to know what is said in the tunnel;
each leg puts a refusal into its own words.
"""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from dataclasses import dataclass
from typing import Final

from fla_gateway.errors import GatewayError
from fla_gateway.secret import Secret

_LARGEST_HEAD: Final = 16_384
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r]").match


@dataclass(frozen=True, slots=True)
class Egress:
    """A corporate proxy that opens tunnels (CONNECT, RFC 9110, section 9.3.6).

    Attributes:
        host: name or address, without brackets.
        port: TCP port.
        user: user name for Basic credentials, or None.
        password: password for Basic credentials, or None.
    """

    host: str
    port: int
    user: str | None = None
    password: Secret | None = None


class TunnelRefusedError(GatewayError):
    """The proxy did not open the tunnel, or said more than it may.

    Attributes:
        status: of its answer, where that refuses; None for anything else.
        message: what it did instead, as a sentence.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


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
    head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
    if egress.user is not None and egress.password is not None:
        pair = base64.b64encode(f"{egress.user}:{egress.password.reveal()}".encode()).decode()
        head += f"Proxy-Authorization: Basic {pair}\r\n"
    await loop.sock_sendall(sock, head.encode() + b"\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        received = await loop.sock_recv(sock, 4096)
        answer += received
        if not received or len(answer) > _LARGEST_HEAD:
            raise TunnelRefusedError("The corporate proxy did not answer CONNECT with an HTTP head.")
    _judge(answer)


def _judge(answer: bytes) -> None:
    status = _STATUS(answer)
    if status is None:
        raise TunnelRefusedError("The corporate proxy's answer to CONNECT is not HTTP/1.1.")
    if not status[1].startswith(b"2"):
        raise TunnelRefusedError(f"The corporate proxy answered CONNECT with {status[1].decode()}.", int(status[1]))
    # RFC 9110, section 9.3.6: the tunnel begins right after the head. The server of a TLS connection never speaks
    # first, so whatever stands here was put there by somebody else.
    if not answer.endswith(b"\r\n\r\n") or answer.count(b"\r\n\r\n") > 1:
        raise TunnelRefusedError("The corporate proxy sent bytes of its own before the TLS handshake.")
