"""A scripted token server, and the requests that tests send to it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from aiohttp import web

from fla_gateway.oauth.model import AssertionOptions, TokenRequest

TOKEN = "canary-access-token.0123456789"
PATH = "/REST/oauth/v5/token"


@dataclass
class Seen:
    """What arrived at the token server."""

    headers: list[dict[str, str]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)


class TokenServer:
    """An aiohttp server that gives the queued answers, and the usual one when none is queued."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.url = ""
        self.answers: deque[web.Response] = deque()

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.headers.append(dict(request.headers))
        self.seen.forms.append(dict(parse_qsl(await request.text())))
        return self.answers.popleft() if self.answers else self.usual()

    @staticmethod
    def usual(**headers: str) -> web.Response:
        """Make the usual answer."""
        body = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 600, "scope": "scope:a"}
        return web.json_response(body, headers=headers)

    @staticmethod
    def refusal(code: str = "invalid_client", status: int = 401, **headers: str) -> web.Response:
        """Make an OAuth error."""
        return web.json_response({"error": code, "error_description": "no"}, status=status, headers=headers)


def request_for(url: str, *, scope: tuple[str, ...] = (), key: str = "acme", ca_file: Path | None = None, **assertion):
    """Make a token request for a token server under test."""
    return TokenRequest("production", url, url, "client-7", scope, key, AssertionOptions(**assertion), ca_file)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one request: head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return head, await reader.readexactly(length)
