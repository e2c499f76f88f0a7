"""Port: opens a connection to the API, through a corporate proxy where there is one.

Owns name resolution, the order of addresses, CONNECT and TLS, and puts what went wrong into words. Refuses to know
pools and requests. Ambient proxy variables are never read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable
from typing import Final

from fla_gateway.config.address import uri_host
from fla_gateway.errors import ProblemError
from fla_gateway.network.connect_tunnel import Egress, TunnelRefusedError, open_tunnel
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.upstream import ApiConnection

_MAX_ADDRESSES: Final = 6
_PROXY_HINTS: Final = {
    407: "It wants other credentials: see 'proxy_user' and 'proxy_password_file' under [egress].",
    403: "It does not permit this destination: its administrator has to.",
}

Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""Address family and socket address, as getaddrinfo gives them."""


class Connector:
    """Opens TLS connections to one upstream."""

    def __init__(self, upstream: Upstream, tls: ssl.SSLContext, proxy: Egress | None, timeout_seconds: float) -> None:
        """Take what every connection needs.

        Args:
            upstream: where to.
            tls: context with the roots of this upstream.
            proxy: corporate proxy, or None.
            timeout_seconds: for name resolution, and for each address on its own.
        """
        self._upstream = upstream
        self._tls = tls
        self._proxy = proxy
        self._timeout = timeout_seconds

    async def open(self, protocol: Callable[[], ApiConnection]) -> ApiConnection:
        """Open one connection, trying the addresses in turn.

        Args:
            protocol: makes the protocol of the connection.

        Raises:
            ProblemError: ``api-unreachable``, ``api-untrusted``, ``api-connect-timeout`` or ``egress-refused``.
        """
        hop = self._proxy or self._upstream
        failure: ProblemError | None = None
        for address in await self._resolve(hop.host, hop.port):
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._open_at(address, protocol)
            except TimeoutError:
                failure = ProblemError(
                    "api-connect-timeout",
                    f"{hop.host}:{hop.port} did not accept a connection within {self._timeout:g} s.",
                )
            except ssl.SSLCertVerificationError as error:
                raise ProblemError("api-untrusted", self._untrusted(error)) from None
            except ssl.SSLError as error:
                failure = ProblemError("api-unreachable", f"TLS with {self._upstream.host} failed: {error.reason}.")
            except OSError as error:
                # The event loops write a text of their own into `strerror`; the system's word says more in less.
                cause = os.strerror(error.errno).lower() if error.errno else "it was closed"
                failure = ProblemError("api-unreachable", f"No connection to {hop.host}:{hop.port}: {cause}.")
        raise failure or ProblemError("api-unreachable", f"The name {hop.host} has no address.")

    async def _resolve(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise ProblemError("api-connect-timeout", f"The name {host} was not resolved in time.") from None
        except OSError as error:
            cause = error.strerror or "the resolver failed"
            raise ProblemError("api-unreachable", f"The name {host} cannot be resolved: {cause}.") from None
        # typeshed lists a form of address that only Python without IPv6 gives.
        return [(family, address) for family, _, _, _, address in found[:_MAX_ADDRESSES]]  # type: ignore[misc]

    async def _open_at(self, address: Address, protocol: Callable[[], ApiConnection]) -> ApiConnection:
        loop = asyncio.get_running_loop()
        sock = socket.socket(address[0], socket.SOCK_STREAM)
        try:
            sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, address[1])
            if self._proxy is not None:
                await self._tunnel(sock, self._proxy)
        except BaseException:
            sock.close()
            raise
        try:
            _, connection = await loop.create_connection(
                protocol, sock=sock, ssl=self._tls, server_hostname=self._upstream.host, ssl_shutdown_timeout=2
            )
        except BaseException:
            # The descriptor is the transport's now, which may not be done with it: closed under its feet, the number
            # would go to the next connection, and the transport would stop that one's events. So only the line is cut.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            raise
        return connection

    async def _tunnel(self, sock: socket.socket, proxy: Egress) -> None:
        try:
            await open_tunnel(sock, proxy, f"{uri_host(self._upstream.host)}:{self._upstream.port}")
        except TunnelRefusedError as error:
            hint = _PROXY_HINTS.get(error.status or 0, "")
            raise ProblemError("egress-refused", f"{error.message} {hint}".strip()) from None

    def _untrusted(self, error: ssl.SSLCertVerificationError) -> str:
        return (
            f"The certificate of {self._upstream.host} was refused: {error.verify_message.rstrip('.')}. "
            "If a corporate proxy opens TLS, put its root into 'ca_file' under [egress]; "
            "also check the clock of this machine."
        )
