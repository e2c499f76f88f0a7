"""Adapter: the operator's surface over HTTP.

Owns the page, its parts, /status, and the question whether this peer may see them. Refuses to decide that
(`access_rules`, `request_guard`) and to know what is shown.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.access.authentication.credentials import read_credential
from fla_gateway.admin import peer_uid, refusal_page
from fla_gateway.admin.access_rules import AdminAccess, Place, asks_for_uid, judge
from fla_gateway.admin.aiohttp_server import web
from fla_gateway.admin.failed_attempts import Attempts
from fla_gateway.admin.response_cache import ResponseCache
from fla_gateway.admin.responses import problem, shown_in_a_browser
from fla_gateway.clock import Clock
from fla_gateway.i18n.catalogues import available, choose, spoken
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # few gateways are ever asked for it
    from fla_gateway.admin.status.gateway_status import Status
    from fla_gateway.admin.status.profile_selection import Selection
    from fla_gateway.admin.status.status_page import Page, Part

_STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    "status.css": "text/css",
    "status.js": "text/javascript",
    "status.svg": "image/svg+xml",
}
PATHS: Final = frozenset({"/", "/fragment", "/status", *(f"/{name}" for name in _TYPES)})
"""What needs rights."""
PERIOD: Final = 5.0
"""Seconds between two looks of an open page."""
_QUIET_SECONDS: Final = 60.0

_LOG = structlog.get_logger()


class StatusRoutes:
    """The handlers.

    Args:
        status: gives the state of this moment; called on the event loop with the name of the profile that is looked
            at, or an empty text.
        access: who may see it.
        clock: the host's clocks.
        attempts: wrong keys on this listener.
        cache: keeps what is shown for a second, for all clients: those that are shown anything are shown the same.
        refresh_seconds: how often an open page asks for news.

    Attributes:
        language: of the page; None for what the browser prefers.
    """

    language: str | None = None

    def __init__(
        self,
        status: Callable[[str], Awaitable[Status]],
        access: AdminAccess,
        clock: Clock,
        attempts: Attempts,
        cache: ResponseCache,
        refresh_seconds: float = PERIOD,
    ) -> None:
        self._status = status
        self.access = access
        self._clock = clock
        self._cache = cache
        self._refresh_seconds = refresh_seconds
        self._attempts = attempts
        self._log_from = -math.inf
        self._languages = available()
        self._page: Page | None = None
        self._rendering = threading.Lock()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get("/", self._whole)
        router.add_get("/fragment", self._fragment)
        router.add_get("/status", self._json)
        for name in _TYPES:
            router.add_get(f"/{name}", self._static)

    async def refusal(self, request: web.Request, place: Place) -> web.Response | None:
        """Decide whether this peer is shown anything; None if it is.

        Args:
            request: asks for one of `PATHS`, and has passed the guard.
            place: where it came in.
        """
        uid = await self._uid(request) if asks_for_uid(place, self.access) else None
        given = read_credential([(name, b":" + value) for name, value in request.raw_headers])
        found = judge(place, self.access, given, uid, self._clock.wall())
        if found is None:
            return None
        pause = self._attempts.failed(self._clock.monotonic()) if found.code == "credentials-refused" else 0
        if pause:
            detail = Text("Too many wrong keys have come in within a minute; the right one is taken at any time.")
            return problem("too-many-requests", detail, pause)
        self._log_refusal(found.code, uid)
        answer = problem(found.code, found.detail)
        return shown_in_a_browser(answer, found.code, found.detail) if refusal_page.is_for(request.headers) else answer

    def _log_refusal(self, code: str, uid: int | None) -> None:
        """Log a refused client, at most once a minute: no client is to fill the log by asking."""
        now = self._clock.monotonic()
        if code in {"credentials-refused", "caller-not-permitted"} and now >= self._log_from:
            self._log_from = now + _QUIET_SECONDS
            _LOG.warning("admin-refused", code=code, uid=uid)

    async def _uid(self, request: web.Request) -> int | None:
        sock = None if request.transport is None else request.transport.get_extra_info("socket")
        return None if sock is None else await asyncio.to_thread(peer_uid.peer_uid, sock)

    async def _whole(self, request: web.Request) -> web.Response:
        return await self._html("page.html", request)

    async def _fragment(self, request: web.Request) -> web.Response:
        return await self._html("live.html", request)

    async def _json(self, request: web.Request) -> web.Response:
        profile = _selection(request).profile
        language = choose(request.headers.get("Accept-Language", ""), self._languages)
        body = await self._cache.get(("/status", language, profile), lambda: self._document(profile, language))
        return web.Response(body=body, content_type="application/json", headers={"Content-Language": language})

    async def _document(self, profile: str, language: str) -> bytes:
        return await asyncio.to_thread(_written, await self._status(profile), profile, language)

    async def _static(self, request: web.Request) -> web.Response:
        name = request.path.removeprefix("/")
        body = await asyncio.to_thread((_STATIC / name).read_bytes)
        return web.Response(body=body, content_type=_TYPES[name], charset="utf-8")

    async def _html(self, part: Part, request: web.Request) -> web.Response:
        language = self.language or choose(request.headers.get("Accept-Language", ""), self._languages)
        selection = _selection(request)
        key = (part, language, selection)
        body = await self._cache.get(key, lambda: self._rendered(part, language, selection))
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Language": language}
        return web.Response(body=body, headers=headers)

    async def _rendered(self, part: Part, language: str, selection: Selection) -> bytes:
        # The state is read on the loop, where it changes; writing takes a second for a thousand profiles.
        status = await self._status(selection.profile)
        return await asyncio.to_thread(self._render, part, status, language, selection)

    def _render(self, part: Part, status: Status, language: str, selection: Selection) -> bytes:
        with self._rendering:
            if self._page is None:
                from fla_gateway.admin.status.status_page import Page  # noqa: PLC0415 - few gateways are ever looked at

                self._page = Page(self._refresh_seconds)
            page = self._page
        return page.render(part, status, language, selection).encode()


def _selection(request: web.Request) -> Selection:
    from fla_gateway.admin.status.profile_selection import read_selection  # noqa: PLC0415 - few gateways are ever asked

    return read_selection(request.query)


def _written(status: Status, profile: str, language: str) -> bytes:
    from fla_gateway.admin.status import status_json  # noqa: PLC0415 - few gateways are ever asked

    return status_json.write(status, profile, spoken(language))
