"""Port: aiohttp through the corporate proxy, over a tunnel that was opened beforehand.

Owns the opening of the tunnel for one token request and the connector that uses it. Refuses to know the request.

aiohttp could ask for the tunnel itself, but it drops what a proxy sends in clear text before the TLS handshake,
instead of refusing it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from fla_gateway.errors import ProblemError
from fla_gateway.network.connect_tunnel import TunnelRefusedError, open_tunnel
from fla_gateway.network.route import Egress
from fla_gateway.oauth.failure import explain_proxy


class _Connected(socket.socket):
    """A socket whose way is made already: to connect it, as aiohttp does with every socket, changes nothing."""

    def connect(self, address: Any) -> None:
        """Do nothing."""


class _NoNames(AbstractResolver):
    """Behind a proxy no name but the proxy's is resolved here; the address given is one that nobody connects to."""

    def __init__(self, family: int) -> None:
        self._family = family

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - the port's signature
    ) -> list[ResolveResult]:
        """Give a placeholder of the socket's own family."""
        address = "::1" if self._family == socket.AF_INET6 else "127.0.0.1"
        return [ResolveResult(hostname=host, host=address, port=port, family=self._family, proto=0, flags=0)]

    async def close(self) -> None:
        """Hold nothing, close nothing."""


def connector_over(sock: socket.socket) -> aiohttp.TCPConnector:
    """Make a connector for the one connection that runs over this tunnel; the socket is its own from then on."""
    return aiohttp.TCPConnector(
        force_close=True, resolver=_NoNames(sock.family), use_dns_cache=False, socket_factory=lambda _: sock
    )


async def tunnel_to(host: str, port: int, egress: Egress, seconds: float) -> socket.socket | ProblemError:
    """Open a tunnel to a token server, trying the proxy's addresses in turn.

    Args:
        host: of the token server.
        port: of the token server.
        egress: the proxy.
        seconds: for name resolution, and for each address on its own.

    Returns:
        The socket, or the problem: given and not raised, so that no foreign exception hangs on it.
    """
    loop = asyncio.get_running_loop()
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(egress.host, egress.port, type=socket.SOCK_STREAM)
    except OSError as error:  # a TimeoutError is one
        return explain_proxy(error, host, egress)
    failure = ProblemError("token-unreachable", f"The corporate proxy {egress.host} has no address.")
    for family, _, _, _, address in found:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            async with asyncio.timeout(seconds):
                await loop.sock_connect(sock, address)
                await open_tunnel(sock, egress, authority)
        except (OSError, TunnelRefusedError) as error:
            sock.close()
            failure = explain_proxy(error, host, egress)
        except BaseException:
            sock.close()
            raise
        else:
            return _Connected(family, socket.SOCK_STREAM, fileno=sock.detach())
    return failure
