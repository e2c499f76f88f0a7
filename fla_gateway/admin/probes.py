"""Adapter: probes and metrics.

Owns /livez, /readyz, /startupz and /metrics. Refuses to know the token server and the API: readiness is about this
process alone, or an outage of theirs would take every gateway out of service.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Protocol

from fla_gateway.admin.aiohttp_server import web
from fla_gateway.admin.response_cache import Make, ResponseCache

# Text format 0.0.4 of Prometheus; written here so that this module does not wait for prometheus_client.
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
STARTING: Final = "starting"
"""The reason of `ReadinessState.ready` until the start has finished."""


class ReadinessState(Protocol):
    """What knows whether the gateway serves."""

    def ready(self) -> tuple[bool, str]:
        """Return whether requests are served, and the reason in a word: `runtime.readiness.Reason`."""
        ...

    def identity(self) -> Mapping[str, object]:
        """Return members of /readyz by which an operator recognises this gateway."""
        ...


class Probes:
    """The handlers.

    Args:
        state: asked for each /readyz and /startupz.
        metrics_text: writes the exposition.
        cache: asks for it, at most once a second.
    """

    def __init__(self, state: ReadinessState, metrics_text: Make, cache: ResponseCache) -> None:
        self._state = state
        self._metrics_text = metrics_text
        self._cache = cache

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get("/livez", self._livez)
        router.add_get("/readyz", self._readyz)
        router.add_get("/startupz", self._startupz)
        router.add_get("/metrics", self._metrics)

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        ready, reason = self._state.ready()
        return web.json_response(
            {"ready": ready, "reason": reason, **self._state.identity()}, status=_status(good=ready)
        )

    async def _startupz(self, _request: web.Request) -> web.Response:
        _, reason = self._state.ready()
        started = reason != STARTING
        return web.json_response({"started": started, "reason": reason}, status=_status(good=started))

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = await self._cache.get("/metrics", self._metrics_text)
        return web.Response(body=body, headers={"Content-Type": METRICS_TYPE})


def _status(*, good: bool) -> HTTPStatus:
    return HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
