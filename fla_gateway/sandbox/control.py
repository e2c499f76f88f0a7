"""The control listener: scripts faults, changes settings, shows state. Plain HTTP on loopback, with a secret.

Owns the control interface. Refuses to know what faults and settings mean.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from aiohttp import web

from fla_gateway.sandbox import problems
from fla_gateway.sandbox.errors import SandboxError
from fla_gateway.sandbox.options import STATEMENT

SECRET_FIELD: Final = "Sandbox-Secret"  # noqa: S105 - the name of a field
MAX_BODY: Final = 65_536


class Controlled(Protocol):
    """What can be controlled: the sandbox."""

    def script(self, *, token: object = None, api: object = None) -> None:
        """Replace the scripted faults."""
        ...

    def change(self, *, token_life: int | None = None, processing_seconds: float | None = None) -> None:
        """Change settings."""
        ...

    def expire_tokens(self) -> None:
        """End the life of every token."""
        ...

    def state(self) -> dict[str, Any]:
        """Give counters, settings and faults."""
        ...


def control_application(sandbox: Controlled, secret: str) -> web.Application:
    """Make the control application.

    Args:
        sandbox: what is controlled.
        secret: what `Sandbox-Secret` must say.
    """

    async def state(_: web.Request) -> web.Response:
        return problems.document(sandbox.state())

    async def put_faults(request: web.Request) -> web.Response:
        sandbox.script(**_members(await request.read(), {"token", "api"}))
        return problems.document(sandbox.state())

    async def delete_faults(_: web.Request) -> web.Response:
        sandbox.script()
        return problems.document(sandbox.state())

    async def put_settings(request: web.Request) -> web.Response:
        wishes = _members(await request.read(), {"token_life", "processing_seconds"})
        if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in wishes.values()):
            raise SandboxError("settings are numbers of seconds")
        if not isinstance(wishes.get("token_life", 1), int):
            raise SandboxError("token_life is a whole number of seconds")
        sandbox.change(**wishes)
        return problems.document(sandbox.state())

    async def delete_tokens(_: web.Request) -> web.Response:
        sandbox.expire_tokens()
        return problems.document(sandbox.state())

    application = web.Application(middlewares=[_guard(secret)], client_max_size=MAX_BODY)
    application.router.add_get("/state", state)
    application.router.add_put("/faults", put_faults)
    application.router.add_delete("/faults", delete_faults)
    application.router.add_put("/settings", put_settings)
    application.router.add_delete("/tokens", delete_tokens)
    application.on_response_prepare.append(_mark)
    return application


def _guard(secret: str) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        # A page in a browser cannot set this field without a preflight, which is refused here as well.
        if not hmac.compare_digest(request.headers.get(SECRET_FIELD, "").encode(), secret.encode()):
            return problems.bare_problem(403, f"The field {SECRET_FIELD} does not hold the sandbox's secret")
        try:
            return await handler(request)
        except SandboxError as error:
            return problems.problem("badRequest", str(error))
        except web.HTTPException as error:
            return problems.bare_problem(error.status, error.reason)

    return guard


def _members(body: bytes, known: set[str]) -> dict[str, Any]:
    try:
        wishes = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SandboxError("the body is not JSON") from error
    if not isinstance(wishes, dict) or not set(wishes) <= known:
        raise SandboxError(f"the body is an object with the members {' and '.join(sorted(known))}")
    return wishes


async def _mark(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Sandbox"] = STATEMENT
