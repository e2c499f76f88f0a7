"""Dimona-like declarations: asynchronous, POST first, ask for the result later.

Owns the flow that integrators must handle: 201 with Location, 404 until processed, then the result. Refuses to
validate declarations: the flow is real, the members of the result are a substitute for the official schema.
"""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from fla_gateway.sandbox import problems
from fla_gateway.sandbox.apis.api_gate import GRANT, lacks_scope
from fla_gateway.sandbox.clock import Clock
from fla_gateway.sandbox.options import SCOPE_CONSULT, SCOPE_DECLARE, Settings
from fla_gateway.sandbox.token_endpoint import ADDRESSES

PATH: Final = "/REST/dimona/v2/declarations"
MAX_DECLARATIONS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration that was made; `ready` is the `Clock.monotonic` at which its result is there."""

    client_id: str
    ready: float


class Declarations:
    """`/REST/dimona/v2/declarations`; the oldest are forgotten first."""

    def __init__(self, settings: Settings, clock: Clock, limit: int = MAX_DECLARATIONS) -> None:
        self._settings = settings
        self._clock = clock
        self._limit = limit
        self._known: OrderedDict[str, Declaration] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def routes(self) -> list[web.RouteDef]:
        """Give the routes of this API."""
        return [web.post(PATH, self._declare), web.get(PATH + "/{id}", self._consult)]

    async def _declare(self, request: web.Request) -> web.StreamResponse:
        refusal = lacks_scope(request, SCOPE_DECLARE)
        if refusal is not None:
            return refusal
        if await json_object(request) is None:
            return problems.problem("badRequest", "The body must be a JSON object", issues=[])
        number = str(secrets.randbelow(9 * 10**11) + 10**11)
        ready = self._clock.monotonic() + self._settings.processing_seconds
        self._known[number] = Declaration(request[GRANT].client_id, ready)
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
        return web.Response(status=201, headers={"Location": _address(request, number)})

    async def _consult(self, request: web.Request) -> web.StreamResponse:
        refusal = lacks_scope(request, SCOPE_CONSULT, SCOPE_DECLARE)
        if refusal is not None:
            return refusal
        number = request.match_info["id"]
        declaration = self._known.get(number)
        if declaration is None or declaration.client_id != request[GRANT].client_id:
            return problems.problem("resourceNotFound", "There is no such declaration")
        if declaration.ready > self._clock.monotonic():
            return problems.problem("resourceNotFound", "The declaration is not processed yet; ask again later")
        status = {"result": "A", "anomalies": []}
        return problems.document(
            {"href": _address(request, number), "declarationId": number, "declarationStatus": status}
        )


async def json_object(request: web.Request) -> dict[str, Any] | None:
    """Read a JSON object, or None if the body is something else.

    Raises:
        aiohttp.web.HTTPRequestEntityTooLarge: the body is beyond the application's limit.
    """
    data = await request.read()
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _address(request: web.Request, number: str) -> str:
    return f"{request.config_dict[ADDRESSES].origin_for(request.host)}{PATH}/{number}"
