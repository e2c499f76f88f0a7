"""Adapter: the admin listener.

Owns the listener, its bounds, and the order of the questions: may this be answered, may this peer see it, what is the
answer. Refuses to know the answers: they are in `probes`, `status_routes` and `actions`.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from fla_gateway.admin.access_rules import AdminAccess, place_of
from fla_gateway.admin.actions import LARGEST_BODY, Actions
from fla_gateway.admin.actions import PATHS as ACTION_PATHS
from fla_gateway.admin.aiohttp_server import web
from fla_gateway.admin.connection import Connection
from fla_gateway.admin.failed_attempts import Attempts
from fla_gateway.admin.gateway_actions import GatewayActions
from fla_gateway.admin.probes import Probes, ReadinessState
from fla_gateway.admin.request_guard import refusal
from fla_gateway.admin.response_cache import SECONDS, ResponseCache
from fla_gateway.admin.responses import SECURITY_FIELDS, answering_in, method_not_allowed, problem
from fla_gateway.admin.status_routes import PATHS, PERIOD, StatusRoutes
from fla_gateway.clock import Clock
from fla_gateway.config.values.address import Address, uri_host
from fla_gateway.i18n.catalogues import choose, spoken, spoken_languages

if TYPE_CHECKING:  # few gateways are ever asked for it
    from fla_gateway.admin.status.gateway_status import Status

_MOST_CONNECTIONS: Final = 32
_ANSWERED, _ACTING = 1, 2
"""What keeps a connection open at the limit: a request of it is being answered, an action that its peer may ask for."""
_CLOSE_SECONDS: Final = 2

_LOG = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Accepting(Protocol):
    """What accepts connections on a socket."""

    def close(self) -> None:
        """Accept no more."""
        ...


AcceptTls = Callable[[socket.socket, Callable[[], asyncio.Protocol]], Accepting]
"""Accepts on a socket that becomes its own, and hands a connection over when its TLS handshake is done."""


class AdminServer:
    """The admin listener.

    Args:
        state: asked for each /readyz.
        metrics_text: writes the exposition.
        status: gives the state of this moment for page and /status; see `StatusRoutes`.
        access: who may see page and /status.
        clock: the host's clocks.
        actions: reloads, drains and ends the gateway.
        counts: what was asked of it, counted here.
        refresh_seconds: how often an open page asks for news.
        kept_seconds: how long a body that was made is shown to all clients.
    """

    def __init__(
        self,
        state: ReadinessState,
        metrics_text: Callable[[], Awaitable[bytes]],
        status: Callable[[str], Awaitable[Status]],
        access: AdminAccess,
        clock: Clock,
        actions: GatewayActions,
        *,
        counts: Counter[tuple[str, str]] | None = None,
        refresh_seconds: float = PERIOD,
        kept_seconds: float = SECONDS,
    ) -> None:
        self._access = access
        cache = ResponseCache(clock.monotonic, kept_seconds)
        self._probes = Probes(state, metrics_text, cache)
        attempts = Attempts()
        self._surface = StatusRoutes(status, access, clock, attempts, cache, refresh_seconds)
        self._cache = cache
        counts = Counter() if counts is None else counts
        self._actions = Actions(actions, access, clock, attempts, counts, cache.forget)
        self._runner: web.AppRunner | None = None
        self._address: Address | None = None
        self._encrypted = False
        self._servers: list[Accepting] = []
        self._claims: dict[asyncio.Protocol, int] = {}

    async def start(
        self, address: Address, listeners: Sequence[socket.socket], accept_tls: AcceptTls | None = None
    ) -> None:
        """Answer on sockets that listen already; they stay their owner's.

        Args:
            address: theirs, with the port that they really have.
            listeners: one, or several where a name has several addresses.
            accept_tls: accepts there and bounds how many handshakes run, which the event loop would not: it reports
                no connection before its handshake is done. None for plain HTTP.
        """
        self._address = address
        self._encrypted = accept_tls is not None
        self._runner = web.AppRunner(self._application(), handler_cancellation=True, shutdown_timeout=_CLOSE_SECONDS)
        await self._runner.setup()
        self._servers = [await self._accept(it, accept_tls) for it in listeners]

    async def accept_on(self, listener: socket.socket) -> None:
        """Answer on a further socket of the same address, without TLS; it stays its owner's."""
        self._servers.append(await self._accept(listener, None))

    async def _accept(self, listener: socket.socket, accept_tls: AcceptTls | None) -> Accepting:
        if accept_tls is not None:
            return accept_tls(listener.dup(), self._connection)
        return await asyncio.get_running_loop().create_server(self._connection, sock=listener)

    def _connection(self) -> asyncio.Protocol:
        """Make the protocol of a new connection; at the limit the oldest ones are aborted, silent ones first.

        aiohttp waits for a first request without a time limit: silent connections must neither use up the process's
        descriptors nor keep the probes out, nor cut off the answer to an action.
        """
        server = None if self._runner is None else self._runner.server
        if server is None:
            raise RuntimeError("the admin listener is not started")
        connections = server.connections
        excess = max(0, len(connections) + 1 - _MOST_CONNECTIONS)
        for oldest in sorted(connections, key=lambda it: self._claims.get(it, 0))[:excess]:
            if oldest.transport is not None:
                oldest.transport.abort()
        return Connection(server)

    def follow(self, access: AdminAccess, language: str | None = None) -> None:
        """Decide by another configuration from the next request on.

        Args:
            access: what it says of who may see what, and act.
            language: of the page; None for what the browser prefers.
        """
        self._access = self._surface.access = self._actions.access = access
        self._surface.language = language
        self._cache.forget()

    async def close(self) -> None:
        """Stop listening and end what runs, within two seconds."""
        for server in self._servers:
            server.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._actions.close()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._admit], client_max_size=LARGEST_BODY)
        self._probes.add_to(application.router)
        self._surface.add_to(application.router)
        self._actions.add_to(application.router)
        application.on_response_prepare.append(_finish)
        return application

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check each request, and give every refusal a body that says what to do."""
        self._claims[request.protocol] = _ANSWERED
        answering_in.set(spoken(choose(request.headers.get("Accept-Language", ""), spoken_languages())))
        try:
            refused = await self._refusal(request)
            if refused is None and _resource(request) in ACTION_PATHS:
                self._claims[request.protocol] = _ACTING
            return refused or await handler(request)
        except web.HTTPMethodNotAllowed as error:
            return method_not_allowed(error)
        except web.HTTPNotFound:
            return problem("not-found")
        except Exception:  # noqa: BLE001 - a fault here must not show its text to the client
            _LOG.exception("admin-answer-failed", path=request.path)
            return problem("internal-error")
        finally:
            self._claims.pop(request.protocol, None)

    async def _refusal(self, request: web.Request) -> web.Response | None:
        if self._address is None:
            return None
        resource = _resource(request)
        surface, action = resource in PATHS, resource in ACTION_PATHS
        code = refusal(
            self._address,
            request.headers,
            surface=surface or action,
            action=action,
            hosts=self._access.hosts,
            local=_local_host(request),
        )
        if code is not None:
            return problem(code)
        if action:
            return await self._actions.refusal(request, self._address, encrypted=self._encrypted)
        return await self._surface.refusal(request, place_of(self._address)) if surface else None


def _resource(request: web.Request) -> str:
    """Return the path of the route that was found, so that no spelling of a path reaches a handler without its guard.

    Empty if none was found.
    """
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _local_host(request: web.Request) -> str:
    """Return the address that this connection was made to, as it is written in Host; empty on a unix socket."""
    name = None if request.transport is None else request.transport.get_extra_info("sockname")
    return uri_host(name[0]) if isinstance(name, tuple) else ""


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)
    if not {request.path, _resource(request)}.isdisjoint(PATHS | ACTION_PATHS):
        response.headers.update(SECURITY_FIELDS)
