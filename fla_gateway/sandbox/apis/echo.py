"""The echo: shows what arrived at the government's side.

Owns the picture of a request as it came off the wire. Refuses to show the bearer: it says that one was there and good.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from aiohttp import web

from fla_gateway.sandbox import problems
from fla_gateway.sandbox.apis.api_gate import GRANT

PATH: Final = "/REST/echo/v1"
SHOWN: Final = 4_096
"""Bytes of a body that are shown; length and SHA-256 are of all of it."""


def routes() -> list[web.RouteDef]:
    """Give the routes of this API: every method, every path below."""
    return [web.route("*", PATH, show), web.route("*", PATH + "/{tail:.*}", show)]


async def show(request: web.Request) -> web.StreamResponse:
    """Answer with method, target, fields and body as they arrived."""
    digest, length, head = hashlib.sha256(), 0, b""
    async for chunk in request.content.iter_any():
        digest.update(chunk)
        length += len(chunk)
        head += chunk[: SHOWN - len(head)]
    return problems.document(
        {
            "method": request.method,
            "target": request.raw_path,
            "version": f"{request.version.major}.{request.version.minor}",
            "fields": _fields(request),
            "clientId": request[GRANT].client_id,
            "body": {"length": length, "sha256": digest.hexdigest(), **_body_text(head)},
        }
    )


def _fields(request: web.Request) -> list[list[str]]:
    """Give name and value in the order of arrival; bytes beyond ASCII as Latin-1, which loses none."""
    fields = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.raw_headers]
    return [[name, "Bearer [valid]" if name.lower() == "authorization" else value] for name, value in fields]


def _body_text(head: bytes) -> dict[str, Any]:
    try:
        return {"text": head.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(head).decode()}
