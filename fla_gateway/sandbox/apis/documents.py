"""A plain store of JSON documents under the path of the Federal Learning Account.

Owns collections of documents per client. Refuses to pretend: the real API's resources and schema are not public, so
this is a substitute for any resource API and says so.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from typing import Any, Final

from aiohttp import web

from fla_gateway.sandbox import problems
from fla_gateway.sandbox.apis.api_gate import GRANT, lacks_scope
from fla_gateway.sandbox.apis.dimona import json_object
from fla_gateway.sandbox.options import SCOPE_LEARNING
from fla_gateway.sandbox.token_endpoint import ADDRESSES

PATH: Final = "/REST/federalLearningAccount/v1"
MAX_DOCUMENTS: Final = 1_000
STAND_IN: Final = "a stand-in: the schema of the real API is not public"

Key = tuple[str, str, str]


class Documents:
    """`/REST/federalLearningAccount/v1/{collection}[/{id}]`; the oldest documents are forgotten first."""

    def __init__(self, limit: int = MAX_DOCUMENTS) -> None:
        self._limit = limit
        self._known: OrderedDict[Key, dict[str, Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def routes(self) -> list[web.RouteDef]:
        """Give the routes of this API."""
        collection, item = PATH + "/{collection}", PATH + "/{collection}/{id}"
        return [
            web.get(collection, self._list),
            web.post(collection, self._add),
            web.get(item, self._get),
            web.put(item, self._put),
            web.delete(item, self._delete),
        ]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        refusal = lacks_scope(request, SCOPE_LEARNING)
        if refusal is not None:
            return refusal
        client_id, collection, _ = _key(request)
        items = [{"href": _address(request, key)} for key in self._known if key[:2] == (client_id, collection)]
        return problems.document({"items": items, "total": len(items), "standIn": STAND_IN})

    async def _add(self, request: web.Request) -> web.StreamResponse:
        client_id, collection, _ = _key(request)
        return await self._keep(request, (client_id, collection, str(uuid.uuid4())))

    async def _put(self, request: web.Request) -> web.StreamResponse:
        return await self._keep(request, _key(request))

    async def _keep(self, request: web.Request, key: Key) -> web.StreamResponse:
        refusal = lacks_scope(request, SCOPE_LEARNING)
        if refusal is not None:
            return refusal
        content = await json_object(request)
        if content is None:
            return problems.problem("badRequest", "The body must be a JSON object", issues=[])
        known = key in self._known
        self._known[key] = content
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
        if known:
            return _document(request, key, content)
        return _document(request, key, content, status=201, Location=_address(request, key))

    async def _get(self, request: web.Request) -> web.StreamResponse:
        refusal = lacks_scope(request, SCOPE_LEARNING)
        if refusal is not None:
            return refusal
        content = self._known.get(_key(request))
        if content is None:
            return problems.problem("resourceNotFound", "There is no such document")
        return _document(request, _key(request), content)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        refusal = lacks_scope(request, SCOPE_LEARNING)
        if refusal is not None:
            return refusal
        if self._known.pop(_key(request), None) is None:
            return problems.problem("resourceNotFound", "There is no such document")
        return web.Response(status=204)


def _key(request: web.Request) -> Key:
    return request[GRANT].client_id, request.match_info["collection"], request.match_info.get("id", "")


def _address(request: web.Request, key: Key) -> str:
    return f"{request.config_dict[ADDRESSES].origin_for(request.host)}{PATH}/{key[1]}/{key[2]}"


def _document(
    request: web.Request, key: Key, content: dict[str, Any], *, status: int = 200, **fields: str
) -> web.Response:
    body = {"href": _address(request, key), "id": key[2], "content": content, "standIn": STAND_IN}
    return problems.document(body, status, **fields)
