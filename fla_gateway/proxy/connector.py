"""Port: opens a connection to the API, through a corporate proxy where there is one.

Owns name resolution, the order of addresses, CONNECT and TLS, and puts what went wrong into words. Refuses to know
pools and requests. Ambient proxy variables are never read.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import socket
import ssl
from collections.abc import Callable
from typing import Final

from fla_gateway.config.address import uri_host
from fla_gateway.errors import ProblemError
from fla_gateway.oauth.model import Egress
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.upstream import ApiConnection

_MAX_ADDRESSES: Final = 6
_MAX_PROXY_HEAD: Final = 16_384
_PROXY_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r]").match

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
        loop = asyncio.get_running_loop()
        host = uri_host(self._upstream.host)
        authority = f"{host}:{self._upstream.port}"
        head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
        if proxy.user is not None and proxy.password is not None:
            pair = base64.b64encode(f"{proxy.user}:{proxy.password.reveal()}".encode()).decode()
            head += f"Proxy-Authorization: Basic {pair}\r\n"
        await loop.sock_sendall(sock, head.encode() + b"\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = await loop.sock_recv(sock, 4096)
            answer += received
            if not received or len(answer) > _MAX_PROXY_HEAD:
                raise ProblemError("egress-refused", "The corporate proxy did not answer CONNECT with an HTTP head.")
        _judge_proxy(answer)

    def _untrusted(self, error: ssl.SSLCertVerificationError) -> str:
        return (
            f"The certificate of {self._upstream.host} was refused: {error.verify_message.rstrip('.')}. "
            "If a corporate proxy opens TLS, put its root into 'ca_file' under [egress]; "
            "also check the clock of this machine."
        )


def _judge_proxy(answer: bytes) -> None:
    status = _PROXY_STATUS(answer)
    if status is None:
        raise ProblemError("egress-refused", "The corporate proxy's answer to CONNECT is not HTTP/1.1.")
    if not status[1].startswith(b"2"):
        hint = {
            b"407": "It wants other credentials: see 'proxy_user' and 'proxy_password_file' under [egress].",
            b"403": "It does not permit this destination: its administrator has to.",
        }.get(status[1], "")
        raise ProblemError(
            "egress-refused", f"The corporate proxy answered CONNECT with {status[1].decode()}. {hint}".strip()
        )
    # RFC 9110, section 9.3.6: the tunnel begins right after the head. The server of a TLS connection never speaks
    # first, so whatever stands here was put there by somebody else.
    if not answer.endswith(b"\r\n\r\n") or answer.count(b"\r\n\r\n") > 1:
        raise ProblemError("egress-refused", "The corporate proxy sent bytes of its own before the TLS handshake.")
