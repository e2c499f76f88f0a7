"""Port: probes and metrics over HTTP, on a listener of their own.

Owns /livez, /readyz and /metrics. Refuses to know the token server and the API: readiness is about this process
alone, or an outage over there would take every gateway out of service over here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final, Protocol

import structlog
from aiohttp import web

from fla_gateway.admin.guard import refusal
from fla_gateway.config.address import TcpAddress, UnixAddress
from fla_gateway.problems import PROBLEMS, problem_body

# Text format 0.0.4 of Prometheus; written here so that this module does not wait for prometheus_client.
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_DETAILS: Final = {
    "browser-refused": "This address is for probes and monitoring, not for web pages.",
    "wrong-host": "This listener answers to loopback names only: localhost, 127.0.0.1, [::1].",
    "not-found": "Here are /livez, /readyz and /metrics.",
    "internal-error": "The gateway could not put the answer together; its log says more.",
}
# A request here has a handful of short fields and no body.
_LONGEST_LINE: Final = 2048
_LONGEST_FIELD: Final = 4096
_MOST_FIELDS: Final = 64
_MOST_CONNECTIONS: Final = 32
_IDLE_SECONDS: Final = 75
_CLOSE_SECONDS: Final = 2

_LOG = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ReadinessState(Protocol):
    """What knows whether the gateway serves."""

    def ready(self) -> tuple[bool, str]:
        """Tell whether requests are served, and the reason in a few words."""
        ...


class AdminServer:
    """The admin listener.

    Args:
        state: asked for each /readyz.
        metrics_text: writes the exposition, asked for each /metrics.
    """

    def __init__(self, state: ReadinessState, metrics_text: Callable[[], bytes]) -> None:
        self._state = state
        self._metrics_text = metrics_text
        self._runner: web.AppRunner | None = None
        self._address: TcpAddress | UnixAddress | None = None
        self._servers: list[asyncio.Server] = []

    async def start(self, address: TcpAddress | UnixAddress, listeners: Sequence[socket.socket]) -> None:
        """Answer on sockets that listen already; they stay their owner's.

        Args:
            address: theirs, with the port that they really have.
            listeners: one, or several where a name stands for several addresses.
        """
        self._address = address
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=_IDLE_SECONDS,
            shutdown_timeout=_CLOSE_SECONDS,
            logger=_silent_logger(),
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_FIELD,
            max_headers=_MOST_FIELDS,
        )
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._servers = [await loop.create_server(self._connection, sock=listener) for listener in listeners]

    def _connection(self) -> asyncio.BaseProtocol:
        """Make the protocol of a new connection; at the limit the eldest make room for it.

        aiohttp waits for a first request for ever: silent connections must neither use up the process's descriptors
        nor keep the probes out.
        """
        server = None if self._runner is None else self._runner.server
        if server is None:
            raise RuntimeError("the admin listener is not started")
        connections = server.connections
        for eldest in connections[: max(0, len(connections) + 1 - _MOST_CONNECTIONS)]:
            if eldest.transport is not None:
                eldest.transport.abort()
        return server()

    async def close(self) -> None:
        """Stop listening and end what runs, within two seconds."""
        for server in self._servers:
            server.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._admit], client_max_size=1024)
        application.router.add_get("/livez", self._livez)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._metrics)
        application.on_response_prepare.append(_hide_server)
        return application

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Guard the door, and give every refusal a body that says what to do."""
        if self._address is not None and (code := refusal(self._address, request.headers)):
            return _problem(code)
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as error:
            return _method_not_allowed(error)
        except web.HTTPNotFound:
            return _problem("not-found")
        except Exception:  # noqa: BLE001 - a fault here must not show its text to the one who asked
            _LOG.exception("admin-answer-failed", path=request.path)
            return _problem("internal-error")

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        ready, reason = self._state.ready()
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ready": ready, "reason": reason}, status=status)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics_text(), headers={"Content-Type": METRICS_TYPE})


def _problem(code: str) -> web.Response:
    row = PROBLEMS[code]
    body = problem_body(code, _DETAILS[code], str(uuid.uuid4()), None)
    return web.Response(status=row.status, body=body, content_type="application/problem+json")


def _method_not_allowed(error: web.HTTPMethodNotAllowed) -> web.Response:
    # RFC 9457, section 4.2.1: about:blank has no meaning beyond the status code's; RFC 9110, 15.5.6, asks for Allow.
    allowed = ", ".join(sorted(error.allowed_methods))
    document = {"type": "about:blank", "title": "Method Not Allowed", "status": 405, "detail": f"Here: {allowed}."}
    return web.Response(
        status=405,
        body=json.dumps(document).encode() + b"\n",
        content_type="application/problem+json",
        headers={"Allow": allowed},
    )


async def _hide_server(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


def _silent_logger() -> logging.Logger:
    """Make a logger for aiohttp that says nothing: it quotes malformed requests, and `_admit` tells the rest."""
    logger = logging.Logger("fla_gateway.admin.aiohttp")  # noqa: LOG001 - unnamed in the tree on purpose, no parent
    logger.addHandler(logging.NullHandler())
    return logger
