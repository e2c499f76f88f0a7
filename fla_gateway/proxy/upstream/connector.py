"""Adapter: opens a connection to the API.

Owns the problem codes of the API leg for what the dialer reports. Refuses to know addresses, pools and requests.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import NOTHING, Text, joined
from fla_gateway.network.connection_errors import NoConnectionError, Obstacle
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.route import ROOTS, Destination, Egress, Route
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.upstream.connection import ApiConnection

_CODES: Final = {
    Obstacle.UNREACHABLE: "api-unreachable",
    Obstacle.LATE: "api-connect-timeout",
    Obstacle.UNTRUSTED: "api-untrusted",
    Obstacle.REFUSED: "egress-refused",
}


class Connector:
    """Opens TLS connections to one upstream."""

    def __init__(
        self,
        upstream: Upstream,
        tls: ssl.SSLContext,
        proxy: Egress | None,
        timeout_seconds: float,
        dialer: Dialer,
        hints: Callable[[], Text],
    ) -> None:
        """Take what every connection needs.

        Args:
            upstream: the API to connect to.
            tls: context with the roots of this upstream.
            proxy: corporate proxy, or None.
            timeout_seconds: for the name and all addresses together.
            dialer: that of the process.
            hints: gives sentences that may explain why the API is not trusted.
        """
        destination = Destination(upstream.host, upstream.port, Text("API"), "api_base", ROOTS)
        self._route = Route(destination, proxy)
        self._tls = tls
        self._timeout = timeout_seconds
        self._dialer = dialer
        self._hints = hints

    async def open(self, protocol: Callable[[], ApiConnection]) -> ApiConnection:
        """Open one connection.

        Args:
            protocol: makes the protocol of the connection.

        Raises:
            ProblemError: ``api-unreachable``, ``api-untrusted``, ``api-connect-timeout`` or ``egress-refused``.
        """
        try:
            return await self._dialer.open(self._route, self._tls, protocol, self._timeout)  # type: ignore[type-var]  # as in `Server.protocol`
        except NoConnectionError as error:
            hints = self._hints() if error.obstacle is Obstacle.UNTRUSTED else NOTHING
            detail = joined((error.message, hints)) if hints else error.message
            failure = ProblemError(_CODES[error.obstacle], detail)
        raise failure
