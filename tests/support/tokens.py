"""Fakes at the ports of the token engine: a clock moved by hand, a source that answers as told."""

from __future__ import annotations

import asyncio
from collections import deque

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.secret import Secret

TOKEN_URL = "https://localhost/REST/oauth/v5/token"


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_800_000_000.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def wall(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall += seconds


class ScriptedSource:
    """Gives tokens of one lifetime, or what is queued: an exception to raise, or a lifetime."""

    def __init__(self, clock: HandClock, lifetime: float = 3600.0) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.script: deque[Exception | float] = deque()
        self.requests: list[TokenRequest] = []
        self.limits: list[float | None] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def fetch(self, request: TokenRequest, *, seconds: float | None = None) -> AccessToken:
        self.requests.append(request)
        self.limits.append(seconds)
        number = len(self.requests)
        started = self.clock.monotonic()
        self.asked.set()
        await self.gate.wait()
        step = self.script.popleft() if self.script else self.lifetime
        if isinstance(step, Exception):
            raise step
        return AccessToken(Secret(f"token-{number}"), step, started)

    @property
    def fetches(self) -> int:
        return len(self.requests)


def token_request(
    environment: str = "production",
    *,
    client_id: str = "self_service_chaman_123456_78912",
    scope: tuple[str, ...] = (),
    key: str = "acme",
) -> TokenRequest:
    """Make a token request of the production token server."""
    return TokenRequest(environment, TOKEN_URL, TOKEN_URL, client_id, scope, key)


def unreachable(retry_after: int | None = None) -> ProblemError:
    """Make the failure of a dead token server."""
    return ProblemError("token-unreachable", Text("No connection to localhost: connection refused."), retry_after)


def credentials_refused() -> ProblemError:
    """Make the failure of credentials that are not accepted."""
    return ProblemError("token-refused", Text("The token server answered 401 invalid_client."))
