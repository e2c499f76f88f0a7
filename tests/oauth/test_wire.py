"""The token leg on the wire: what is sent, and which answers are good enough."""

from __future__ import annotations

import asyncio
import json
import os
import socket

import pytest

from fla_gateway.clock import SystemClock
from fla_gateway.errors import ProblemError
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import Egress
from tests.support.addresses import BlackHole, address
from tests.support.demanding_server import demanding_server
from tests.support.token_server import TOKEN, read_request, request_for

BODY = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 600}).encode()
N = len(BODY)
TOLERATED = {
    "no reason": b"HTTP/1.1 200\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "blank before a colon": b"HTTP/1.1 200 OK\r\nContent-Length : %d\r\n\r\n" % N + BODY,
    "folded field": b"HTTP/1.1 200 OK\r\nX-Policy: a,\r\n b\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "two equal lengths": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: %d\r\n\r\n" % (N, N) + BODY,
    "lengths as a list": b"HTTP/1.1 200 OK\r\nContent-Length: %d, %d\r\n\r\n" % (N, N) + BODY,
    "padded chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x  \r\n%b\r\n0\r\n\r\n" % (N, BODY),
    "latin-1 in a field": b"HTTP/1.1 200 OK\r\nX: S\xe9curit\xe9\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "a long cookie": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=%b\r\nContent-Length: %d\r\n\r\n" % (b"b" * 9000, N) + BODY,
    "many cookies": b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (b"Set-Cookie: a=bcdefgh\r\n" * 90, N) + BODY,
    "until close": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "interim responses": b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 H\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + BODY,
    "surplus": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % N + BODY + b"\r\n\r\nmore",
}


@pytest.mark.parametrize("name", TOLERATED)
async def test_an_answer_that_passes_from_the_api_does_not_cost_the_token(clients, raw_server, name):
    """The token server's heads are read by the rules by which the API's are."""

    async def behave(reader, writer):
        await read_request(reader)
        writer.write(TOLERATED[name])
        await writer.drain()

    port = await raw_server(behave)
    token = await clients().fetch(request_for(f"https://localhost:{port}/token"))
    assert token.value.reveal() == TOKEN


async def test_the_request_byte_for_byte(clients, raw_server):
    """One head without a field too many; Host has the port, and the connection is for this request alone."""
    heads = []

    async def behave(reader, writer):
        head, form = await read_request(reader)
        heads.append((head, len(form)))
        writer.write(TOLERATED["no reason"])
        await writer.drain()

    port = await raw_server(behave)
    await clients().fetch(request_for(f"https://LOCALHOST:{port}/REST/oauth/v5/token"))
    ((head, length),) = heads
    assert head.decode() == (
        f"POST /REST/oauth/v5/token HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: application/json\r\n"
        "Accept-Encoding: identity\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {length}\r\nUser-Agent: fla-gateway\r\nConnection: close\r\n\r\n"
    )


async def test_an_answer_that_was_cut_is_no_answer(clients, raw_server):
    """A body that ends with the connection needs the server's own farewell (close_notify)."""

    async def cut(reader, writer):
        await read_request(reader)
        writer.write(TOLERATED["until close"])
        await writer.drain()
        # Below TLS: the FIN of a box in between. Shut down through a copy, since uvloop forbids it for its own.
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as copy:
            copy.shutdown(socket.SHUT_WR)
        await reader.read()

    port = await raw_server(cut)
    with pytest.raises(ProblemError) as caught:
        await clients().fetch(request_for(f"https://localhost:{port}/token"))
    assert (caught.value.code, caught.value.transient) == ("token-malformed", True)
    assert "broke off" in caught.value.detail


async def test_a_token_server_that_demands_a_certificate_is_named(clients, authority, tmp_path):
    """TLS 1.3 says so after the handshake: the detail has it, not only that the connection ended."""
    with demanding_server(authority.server_context(tmp_path)) as port, pytest.raises(ProblemError) as caught:
        await clients().fetch(request_for(f"https://localhost:{port}/token"))
    assert (caught.value.code, caught.value.transient) == ("token-failed", True)
    assert "TLS (tlsv13 alert certificate required)" in caught.value.detail


async def test_early_answers_are_taken(clients, raw_server):
    """A server that answers before it has read the request is heard."""

    async def hasty(reader, writer):
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await read_request(reader)

    port = await raw_server(hasty)
    with pytest.raises(ProblemError) as caught:
        await clients().fetch(request_for(f"https://localhost:{port}/token"))
    assert (caught.value.code, "503" in caught.value.detail) == ("token-failed", True)


@pytest.mark.parametrize("through_proxy", [False, True])
async def test_one_dead_address_costs_no_token(clients, raw_server, through_proxy):
    """An address that swallows packets is overtaken, the token server's as well as the proxy's."""

    async def behave(reader, writer):
        await read_request(reader)
        writer.write(TOLERATED["no reason"])
        await writer.drain()

    async def tunnel(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        there_reader, there = await asyncio.open_connection("127.0.0.1", int(head.split()[1].rpartition(b":")[2]))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def carry(source, sink):
            while piece := await source.read(65_536):
                sink.write(piece)
            sink.close()

        await asyncio.gather(carry(reader, there), carry(there_reader, writer), return_exceptions=True)

    port = await raw_server(behave)
    first_hop = await raw_server(tunnel, tls=False) if through_proxy else port
    hole = BlackHole("127.0.0.2", first_hop)
    now = SystemClock().monotonic
    dialer = Dialer(now, Resolver(now, lookup=lambda _: [address("127.0.0.2"), address("127.0.0.1")]))
    egress = Egress("proxy.example", first_hop) if through_proxy else None
    client = clients(dialer=dialer, egress=egress, connect_seconds=2.0)
    token = await client.fetch(request_for(f"https://localhost:{port}/token"))
    hole.close()
    assert token.value.reveal() == TOKEN
