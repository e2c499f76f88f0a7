"""The token engine on the real client: how many requests reach a token server that fails, and what calls get."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import web

from fla_gateway.clock import SystemClock
from fla_gateway.errors import ProblemError
from fla_gateway.tokens.cache import TokenCache
from tests.support.token_server import TOKEN, TokenServer, read_request, request_for
from tests.support.waiting import PATIENCE


@pytest.fixture
async def engine(clients):
    """A token cache on the real client, without jitter."""
    cache = TokenCache(clients(), SystemClock(), random=lambda: 0.0)
    yield cache
    await cache.close()


PASSING = {
    "500": lambda: web.Response(status=500),
    "502-page": lambda: web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html"),
    "503": lambda: web.Response(status=503),
    "503-page-of-100-kB": lambda: web.Response(status=503, text="<html>" * 17_000, content_type="text/html"),
    "503-retry-after": lambda: web.Response(status=503, headers={"Retry-After": "1"}),
    "504": lambda: web.Response(status=504),
    "408": lambda: web.Response(status=408),
    "empty-200": lambda: web.Response(status=200),
    "429": lambda: web.Response(status=429, headers={"Retry-After": "1"}),
    "temporarily-unavailable": lambda: TokenServer.refusal("temporarily_unavailable", 400),
}
CERTAIN = {
    "invalid-client-401": TokenServer.refusal,
    "invalid-client-400": lambda: TokenServer.refusal(status=400),
    "invalid-scope": lambda: TokenServer.refusal("invalid_scope", 400),
    "403-page": lambda: web.Response(status=403, text="<html>", content_type="text/html"),
    "404": lambda: web.Response(status=404),
    "redirect": lambda: web.Response(status=302, headers={"Location": "https://elsewhere.example/"}),
    "page-200": lambda: web.Response(status=200, text="<html>", content_type="text/html"),
    "429-long": lambda: web.Response(status=429, headers={"Retry-After": "60"}),
    "503-long": lambda: web.Response(status=503, headers={"Retry-After": "60"}),
}


@pytest.mark.parametrize("name", PASSING)
async def test_an_answer_that_may_pass_costs_one_more_request(engine, server, name):
    """Twenty calls meet it, wait, and share the token of the second request."""
    server.answers.append(PASSING[name]())
    tokens = await asyncio.gather(*(engine.entry(request_for(server.url)).obtain() for _ in range(20)))
    assert {token.value.reveal() for token in tokens} == {TOKEN}
    assert len(server.seen.forms) == 2


@pytest.mark.parametrize("name", CERTAIN)
async def test_a_certain_answer_is_passed_on_at_once(engine, server, name):
    """Twenty calls get their 503 with the first answer; nothing is asked twice."""
    server.answers.append(CERTAIN[name]())
    began = time.monotonic()
    calls = (engine.entry(request_for(server.url)).obtain() for _ in range(20))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, ProblemError) for outcome in outcomes)
    assert len(server.seen.forms) == 1
    assert time.monotonic() - began < 7


async def test_a_reset_connection_costs_one_more_connection(engine, raw_server):
    """The connection breaks, before or in the middle of the answer; the third one brings the token."""
    body = b'{"access_token": "%s", "expires_in": 600}' % TOKEN.encode()
    connections = 0

    async def answer(reader, writer):
        nonlocal connections
        connections += 1
        await read_request(reader)
        if connections == 1:
            writer.transport.abort()
        elif connections == 2:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()

    port = await raw_server(answer)
    token = await engine.entry(request_for(f"https://localhost:{port}/token")).obtain()
    assert token.value.reveal() == TOKEN
    assert connections == 3


@pytest.mark.parametrize(
    ("status", "body", "transient", "code"),
    [
        (503, b"Retry-After: 1\r\nContent-Length: 99\r\n\r\n<html>", True, "token-failed"),
        (429, b"Retry-After: 1\r\nConnection: close\r\n\r\n<html>", True, "token-throttled"),
        (401, b'Connection: close\r\n\r\n{"error": "invalid_client"}', False, "token-refused"),
        (404, b"Transfer-Encoding: chunked\r\n\r\n99\r\n<html>", False, "token-failed"),
    ],
)
async def test_a_failure_that_breaks_off_is_still_that_failure(clients, raw_server, status, body, transient, code):
    """Whether it may pass, and when, stands in the head of an answer; what its body lacks changes neither."""

    async def answer(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 %d X\r\n" % status + body)
        await writer.drain()
        writer.transport.abort()

    port = await raw_server(answer)
    with pytest.raises(ProblemError) as caught:
        await clients().fetch(request_for(f"https://localhost:{port}/token"))
    assert (caught.value.code, caught.value.transient) == (code, transient)
    assert caught.value.retry_after == (1 if transient else None)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b'401 No\r\n\r\n{"error": "invalid_client"}', "token-refused"),
        (b"503 Busy\r\nRetry-After: 1\r\nContent-Length: 99\r\n\r\n<html>", "token-failed"),
        (b"429 Slow\r\nTransfer-Encoding: chunked\r\n\r\n", "token-throttled"),
    ],
)
async def test_a_failure_whose_body_never_ends_is_still_that_failure(clients, raw_server, answer, code):
    """A server that keeps the connection open behind an error is no server that gives no answer."""
    ended = asyncio.Event()

    async def keep_open(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 " + answer)
        await writer.drain()
        await ended.wait()

    port = await raw_server(keep_open)
    with pytest.raises(ProblemError) as caught:
        await clients().fetch(request_for(f"https://localhost:{port}/token"))
    ended.set()
    assert caught.value.code == code
    assert ("invalid_client" in caught.value.detail) == (code == "token-refused")


async def test_a_closed_port_costs_no_call_when_it_opens_in_time(engine, server_tls, unused_tcp_port):
    """The token server restarts: calls that come in between wait for it."""
    body = b'{"access_token": "%s"}' % TOKEN.encode()

    async def answer(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    entry = engine.entry(request_for(f"https://localhost:{unused_tcp_port}/token"))
    call = asyncio.create_task(entry.obtain())
    async with asyncio.timeout(PATIENCE):
        # Set when the entry is made, when its fetch begins to count, and when that has failed.
        while entry.snapshot().failures == 0:
            engine.changed.clear()
            await engine.changed.wait()
    listening = await asyncio.start_server(answer, "127.0.0.1", unused_tcp_port, ssl=server_tls)
    assert (await call).value.reveal() == TOKEN
    listening.close()


async def test_a_server_that_hangs_once_costs_a_call_less_than_its_patience(engine, raw_server):
    """The first attempt gets no answer and is given up after 3.5 s; the second one brings the token."""
    body = b'{"access_token": "%s"}' % TOKEN.encode()
    gone, connections = asyncio.Event(), 0

    async def answer(reader, writer):
        nonlocal connections
        connections += 1
        await read_request(reader)
        if connections == 1:
            await gone.wait()
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    port = await raw_server(answer)
    token = await engine.entry(request_for(f"https://localhost:{port}/token")).obtain()
    gone.set()
    assert token.value.reveal() == TOKEN
    assert connections == 2
