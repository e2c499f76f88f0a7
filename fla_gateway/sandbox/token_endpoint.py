"""The token endpoint on the wire: reads the form, plays the scripted faults, writes the answer.

Owns the HTTP side of `authorization_server.grants`. Refuses to judge anything.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from fla_gateway.sandbox import problems
from fla_gateway.sandbox.authorization_server.grants import Authorization, TokenAnswer, TokenForm
from fla_gateway.sandbox.clock import Clock
from fla_gateway.sandbox.counters import Counters
from fla_gateway.sandbox.faults import Fault, FaultPlan
from fla_gateway.sandbox.options import STATEMENT, TOKEN_PATH, Addresses

MAX_FORM: Final = 65_536
MAX_PARAMETERS: Final = 32
NO_STORE: Final = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]


class TokenEndpoint:
    """`POST /REST/oauth/v5/token`."""

    def __init__(self, authorization: Authorization, faults: FaultPlan, counters: Counters, clock: Clock) -> None:
        self._authorization = authorization
        self._faults = faults
        self._counters = counters
        self._clock = clock

    async def post(self, request: web.Request) -> web.Response:
        """Answer a token request, or play the fault that is due."""
        fault = self._faults.take(request.path, self._clock.monotonic())
        if fault is not None:
            self._counters.count("token_faults", fault.kind)
            faulty = await self._play(fault, request)
            if faulty is not None:
                return faulty
        offset = fault.offset if fault is not None and fault.kind == "wrong-clock" else 0.0
        response = await self._answer(request, self._clock.wall() + offset)
        if offset:
            response.headers["Date"] = formatdate(self._clock.wall() + offset, usegmt=True)
        return response

    async def _answer(self, request: web.Request, moment: float) -> web.Response:
        if request.content_type != "application/x-www-form-urlencoded":
            return _refuse("the content type must be application/x-www-form-urlencoded")
        body = await request.content.read(MAX_FORM)
        if not request.content.at_eof() and await request.content.read(1):
            return _refuse("the form is too large")
        try:
            parameters = parse_qsl(
                body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_PARAMETERS
            )
        except ValueError:
            return _refuse("the form cannot be read")
        addresses: Addresses = request.config_dict[ADDRESSES]
        url = addresses.origin_for(request.host) + TOKEN_PATH
        return _written(
            self._authorization.answer(TokenForm(url, parameters, moment, "Authorization" in request.headers))
        )

    async def _play(self, fault: Fault, request: web.Request) -> web.Response | None:
        """Give the fault's answer, or None if the request goes on to be answered in earnest."""
        match fault.kind:
            case "down":
                return cut(request)
            case "slow":
                await asyncio.sleep(fault.delay)
                return None
            case "wrong-clock":
                return None
            case "429":
                return problems.retry_later("tooManyRequests", fault.retry_after)
            case "503":
                return problems.retry_later("serviceUnavailable", fault.retry_after)
            case "invalid_client":
                error = {"error": "invalid_client", "error_description": "scripted by the sandbox"}
                return _written(TokenAnswer(fault.status, {**error, "sandbox": STATEMENT}, NO_STORE))
            case _:
                return _broken(fault.kind)


ADDRESSES: Final = web.AppKey("addresses", Addresses)


def cut(request: web.Request) -> web.Response:
    """Close the connection without an answer; what is returned is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _broken(kind: str) -> web.Response:
    """Answers that no token server should give, and that some do."""
    if kind == "empty":
        return web.Response(body=b"", content_type="application/json")
    if kind == "html":
        return web.Response(text=f"<html><h1>{STATEMENT}</h1></html>", status=502, content_type="text/html")
    if kind == "malformed":
        return web.Response(body=b'{"access_token": "cut', content_type="application/json")
    if kind == "line-break":
        body = b'{"access_token": "sand\\r\\nbox", "token_type": "bearer", "expires_in": 300}'
        return web.Response(body=body, content_type="application/json")
    if kind == "redirect":
        return web.Response(status=302, headers={"Location": "/REST/oauth/v5/elsewhere"})
    return problems.problem("internalServerError", "Scripted by the sandbox")


def _refuse(description: str) -> web.Response:
    body = {"error": "invalid_request", "error_description": description, "sandbox": STATEMENT}
    return _written(TokenAnswer(400, body, NO_STORE))


def _written(answer: TokenAnswer) -> web.Response:
    response = web.json_response(answer.body, status=answer.status)
    for name, value in answer.fields:
        if name.lower() != "content-type":
            response.headers[name] = value
    return response
