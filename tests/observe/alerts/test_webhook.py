"""Alerts to a webhook, against servers that really speak https."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiohttp import web

from fla_gateway.clock import SystemClock
from fla_gateway.config.values.urls import parse_webhook_url
from fla_gateway.i18n.catalogues import ENGLISH
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.route import Egress
from fla_gateway.observe.alerts.outbox import NotDeliveredError
from fla_gateway.observe.alerts.webhook import Receiver, WebhookChannel
from fla_gateway.observe.alerts.webhook_document import write
from fla_gateway.runtime.composition.trust_store import verifying_context
from tests.observe.alerts.samples import GATEWAY, waiting
from tests.support.keys import TlsAuthority
from tests.support.waiting import PATIENCE

PATH = "/hook/T0K3N-canary?sig=S1G-canary"


@pytest.fixture(scope="session")
def trusting(ca_file):
    """Verify as the gateway does."""
    return verifying_context(((ca_file, "alerts.webhook.ca_file"),), None)


@pytest.fixture
def channel(trusting):
    """Make channels to a port."""

    def make(port, *, proxy=None, own=(), seconds=PATIENCE, host="localhost"):
        url = parse_webhook_url(f"https://{host}:{port}{PATH}")
        receiver = Receiver(url, trusting, proxy, own, seconds)
        return WebhookChannel(
            receiver, Dialer(SystemClock().monotonic), partial(write, gateway=GATEWAY, spoken=ENGLISH)
        )

    return make


class Receiving:
    """What takes alerts: the usual 204, or what the test says."""

    def __init__(self):
        self.port = 0
        self.seen = []
        self.answer = lambda: web.Response(status=204)

    async def take(self, request):
        self.seen.append((request, await request.read()))
        return self.answer()


@pytest.fixture
async def receiving(api_tls):
    """Run a receiver."""
    found = Receiving()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", found.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0, ssl_context=api_tls).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


@asynccontextmanager
async def raw(tls, *pieces):
    """Run a server that answers with these bytes, and then holds the connection."""
    done = asyncio.Event()

    async def serve(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            done.set()

    server = await asyncio.start_server(serve, "localhost", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1], done
    server.close()


async def refused(channel):
    """Send, and return why it was not taken."""
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(NotDeliveredError) as caught:
            await channel.send(waiting())
    return caught.value


async def test_a_letter_is_one_post_of_json(receiving, channel):
    """With the whole path and query, and nothing but what the request needs."""
    sent = await channel(receiving.port).send(waiting())
    ((request, body),) = receiving.seen
    assert (request.method, request.raw_path) == ("POST", PATH)
    assert set(request.headers) == {"Host", "User-Agent", "Content-Type", "Content-Length", "Connection"}
    document = json.loads(body)
    assert document["alerts"][0]["code"] == "profile-not-served"
    assert sent.answer == "204"


@pytest.mark.parametrize(
    ("status", "lasting", "words"),
    [
        (302, True, "no redirect is followed"),
        (307, True, "no redirect is followed"),
        (400, True, "answered 400"),
        (403, True, "answered 403"),
        (404, True, "answered 404"),
        (408, False, "answered 408"),
        (429, False, "answered 429"),
        (500, False, "answered 500"),
        (503, False, "answered 503"),
    ],
)
async def test_what_a_status_means(receiving, channel, status, lasting, words):
    """A redirect is not followed; 5xx, 408, 425 and 429 are tried again."""
    receiving.answer = lambda: web.Response(
        status=status, headers={"Location": f"https://localhost:{receiving.port}/else"}
    )
    error = await refused(channel(receiving.port))
    assert words in error.message
    assert error.lasting is lasting
    assert len(receiving.seen) == 1


async def test_nothing_of_an_answer_is_read_but_its_status(api_tls, channel):
    """A body without an end is not waited for; an interim answer is none."""
    head = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"
    async with raw(api_tls, head[:20], head[20:], b"x" * 100_000) as (port, done):
        assert (await channel(port).send(waiting())).answer == "200"
        await done.wait()


@pytest.mark.parametrize("answer", [b"220 mail.example ESMTP\r\n\r\n", b"HTTP/1.1 200\r\n" + b"X: y\r\n" * 20_000])
async def test_what_is_no_answer_of_http_is_said(api_tls, channel, answer):
    """Another protocol, or a head without an end."""
    async with raw(api_tls, answer) as (port, done):
        assert "no answer that HTTP/1.1 knows" in (await refused(channel(port))).message
        await done.wait()


async def test_a_receiver_without_an_end_of_interim_answers_is_left(api_tls, channel):
    """All heads together have the bound of one, as those of a token server: no receiver keeps the event loop busy."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with raw(api_tls, interim * 2000) as (port, done):
        assert "no answer that HTTP/1.1 knows" in (await refused(channel(port))).message
        await done.wait()
    async with raw(api_tls, interim * 20, b"HTTP/1.1 204 No Content\r\n\r\n") as (port, done):
        assert (await channel(port).send(waiting())).answer == "204"
        await done.wait()


async def test_a_receiver_that_stalls_is_left(api_tls, channel):
    """After a limited time; the connection is closed."""
    async with raw(api_tls, b"HTTP/1.1 200 OK\r\n") as (port, done):
        error = await refused(channel(port, seconds=0.05))
        await done.wait()
    assert "did not answer within 0.05 s" in error.message
    assert not error.lasting


async def test_a_receiver_that_does_not_prove_its_name_gets_nothing(tmp_path, channel):
    """A certificate of an unknown authority."""
    async with raw(TlsAuthority("another").server_context(tmp_path), b"") as (port, _):
        error = await refused(channel(port))
    assert "The certificate of localhost is not trusted" in error.message
    assert "alerts.webhook.ca_file" in error.message


async def test_a_listener_of_the_gateway_gets_nothing(receiving, channel):
    """Whatever name leads there: the connection shows it, and nothing is sent."""
    error = await refused(channel(receiving.port, own={receiving.port}))
    assert "leads to a listener of this gateway" in error.message
    assert error.lasting
    assert not receiving.seen


async def test_a_corporate_proxy_is_used(receiving, channel):
    """The request goes through its tunnel, and its path stays within TLS."""
    seen = []

    async def serve(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        there = await asyncio.open_connection("localhost", receiving.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def carry(source, sink):
            while piece := await source.read(65_536):
                sink.write(piece)
            sink.close()

        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "localhost", 0)
    port = server.sockets[0].getsockname()[1]
    await channel(receiving.port, proxy=Egress("localhost", port)).send(waiting())
    server.close()
    assert len(receiving.seen) == 1
    assert seen[0].startswith(b"CONNECT localhost:")
    assert b"canary" not in seen[0]


async def test_no_error_has_the_address_beyond_its_host(channel, unused_tcp_port):
    """Neither does what is shown of the channel."""
    made = channel(unused_tcp_port)
    error = await refused(made)
    assert "canary" not in f"{error!r}{error.message}{error.answer}{made!r}{made.place}{made._receiver!r}"
    assert made.place == "localhost"
