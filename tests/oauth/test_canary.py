from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from fla_gateway.clock import SystemClock
from fla_gateway.errors import ProblemError
from fla_gateway.network.route import Egress
from fla_gateway.secret import Secret
from fla_gateway.tokens.cache import TokenCache
from fla_gateway.tokens.entry import TokenEntry
from tests.support.token_server import TOKEN, TokenServer, read_request, request_for


async def test_nothing_secret_is_ever_printed(server, clients, raw_server, caplog, capfd):
    """With everything at debug level, token, assertion and proxy password are in no log line, error or repr."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    sent = []

    async def echo(reader, writer):
        _, body = await read_request(reader)
        sent.append(body.decode())
        writer.write(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()

    async def drop(reader, writer):
        sent.append((await read_request(reader))[1].decode())

    egress = Egress("127.0.0.1", await raw_server(drop, tls=False), "user", Secret("canary-proxy-password"))
    server.answers.extend([TokenServer.refusal(), web.Response(status=302, headers={"Location": TOKEN})])
    addresses = [server.url, server.url, server.url]
    addresses += [f"https://localhost:{await raw_server(behave)}/token" for behave in (echo, drop)]
    shown = []
    # A number beyond [0, 1) makes each back-off longer than any call waits: one attempt, one answer.
    direct, through_proxy = clients(), clients(egress=egress, total_seconds=0.5)
    cache = TokenCache(direct, SystemClock(), random=lambda: 60.0)
    proxied = TokenCache(through_proxy, SystemClock(), random=lambda: 60.0)
    for number, (tokens, url) in enumerate([*((cache, url) for url in addresses), (proxied, server.url)]):
        request = request_for(url, kid=str(number))
        entry = tokens.entry(request)
        try:
            shown.append(repr(await entry.obtain()))
        except ProblemError as problem:
            shown += [repr(problem), repr(problem.__cause__), repr(problem.__context__)]
        held = [getattr(entry, name, None) for name in TokenEntry.__slots__]
        shown += [repr(entry), repr(held), repr(entry.snapshot())]
        negotiations = [*direct.negotiations.of(request), *through_proxy.negotiations.of(request)]
        assert negotiations
        shown += map(repr, negotiations)
    await cache.close()
    await proxied.close()
    captured = capfd.readouterr()
    everything = "\n".join([*shown, caplog.text, captured.out, captured.err])
    assertions = [form["client_assertion"] for form in server.seen.forms]
    assert len(assertions) == 3
    assert len(sent) == 2
    assert "token-minted" in everything
    assert TOKEN not in everything
    assert "canary-proxy-password" not in everything
    for text in (*assertions, *sent):
        assert text[-40:] not in everything
        assert text[:60] not in everything
    assert "eyJ" not in everything


async def test_values_of_the_engine_hide_what_they_hold(server, clients):
    """A token's repr shows a placeholder."""
    token = await clients().fetch(request_for(server.url))
    assert "[secret]" in repr(token)
    assert TOKEN not in f"{token} {token!r} {vars(token) if hasattr(token, '__dict__') else ''}"
