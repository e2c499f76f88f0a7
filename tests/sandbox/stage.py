"""What the sandbox's tests share: a running sandbox, assertions made with joserfc, a client that trusts its CA."""

from __future__ import annotations

import json
import ssl
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from fla_gateway.sandbox import CLIENT_ID, Sandbox

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEFT_OUT = object()
WEAK = ["none", "HS256", "RS256", "RS384", "PS256", "ES256", "ES384", "ES512"]


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self._passed = 0.0

    def wall(self) -> float:
        return time.time() + self._passed

    def monotonic(self) -> float:
        return time.monotonic() + self._passed

    def pass_by(self, seconds: float) -> None:
        self._passed += seconds


@dataclass
class Answer:
    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.raw)
        return document


@dataclass
class Stage:
    """A sandbox, its clock, and the government's clients as tests play them."""

    sandbox: Sandbox
    clock: HandClock
    session: aiohttp.ClientSession
    keys: dict[str, RSAKey | ECKey] = field(default_factory=dict)

    def assertion(self, *, alg: str = "RS256", key: Any = None, header: Any = None, **changes: Any) -> str:
        """Make a good assertion, with claims changed or left out."""
        client_id = CLIENT_ID
        now = int(self.clock.wall())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": self.sandbox.token_url,
            "exp": now + 120,
            "iat": now,
            "jti": str(uuid.uuid4()),
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not LEFT_OUT}
        payload = json.dumps(claims)
        return jws.serialize_compact(
            {"alg": alg, "typ": "JWT", **(header or {})}, payload, key or self.keys["own"], algorithms=WEAK
        )

    async def ask(self, assertion: str | None = None, **changes: Any) -> Answer:
        """Send a token request, with parameters changed or left out."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(),
            **changes,
        }
        return await self.post_form([(name, value) for name, value in form.items() if value is not LEFT_OUT])

    async def post_form(self, form: Any, **options: Any) -> Answer:
        return await self.call("POST", "/REST/oauth/v5/token", token=None, data=form, **options)

    async def token(self, **changes: Any) -> str:
        """Get a good token."""
        answer = await self.ask(**changes)
        assert answer.status == 200, answer.raw
        value: str = answer.json["access_token"]
        return value

    async def call(self, method: str, target: str, *, token: str | None, headers: Any = None, **options: Any) -> Answer:
        """Call the sandbox; a token of None sends none."""
        fields = {**(headers or {})}
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        options.setdefault("allow_redirects", False)
        async with self.session.request(method, self.sandbox.url + target, headers=fields, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def control(self, method: str, path: str, wishes: Any = None, secret: str | None = None) -> Answer:
        """Call the control listener."""
        fields = {"Sandbox-Secret": self.sandbox.control_secret if secret is None else secret}
        url = self.sandbox.control_url + path
        async with self.session.request(method, url, headers=fields, json=wishes) as response:
            return Answer(response.status, response.headers, await response.read())


def trusting(sandbox: Sandbox) -> ssl.SSLContext:
    """Trust the throw-away CA and nothing else, as strictly as Python 3.13 does by default."""
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context
