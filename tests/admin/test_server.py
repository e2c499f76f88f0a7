"""Probes and metrics over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket

import aiohttp
import pytest

from fla_gateway.admin.access_rules import AdminAccess
from fla_gateway.admin.probes import METRICS_TYPE
from fla_gateway.admin.server import AdminServer
from fla_gateway.clock import SystemClock
from fla_gateway.config.values.address import TcpAddress, UnixAddress
from tests.admin.conftest import Gateway, Shown
from tests.support.waiting import PATIENCE


def server_of(state, metrics_text):
    """Make an admin server whose status nobody asks for."""

    async def write():
        return metrics_text()

    return AdminServer(state, write, Shown(), AdminAccess(), SystemClock(), Gateway())


async def start(admin):
    """Start an admin server on a free port of loopback; give the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    await admin.start(TcpAddress("127.0.0.1", port), [listener])
    return port


@pytest.fixture
async def server(state):
    """The admin listener on a free port of loopback, and its base URL."""
    admin = server_of(state, lambda: b"some_metric 1\n")
    port = await start(admin)
    yield f"http://127.0.0.1:{port}"
    await admin.close()


async def test_livez(server, client):
    """A process whose loop turns is alive, and says so with a body."""
    async with client.get(server + "/livez") as answer:
        assert answer.status == 200
        assert await answer.json() == {"live": True}


async def test_readyz_follows_the_state(server, client, state):
    """Ready is 200, not ready is 503 with the reason, and both name the gateway; alive it stays."""
    async with client.get(server + "/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"ready": True, "reason": "serving", **state.identity()})
    state.answer = (False, "stopping")
    async with client.get(server + "/readyz") as answer:
        assert (answer.status, await answer.json()) == (503, {"ready": False, "reason": "stopping", **state.identity()})
    async with client.get(server + "/livez") as answer:
        assert answer.status == 200


async def test_metrics(server, client):
    """The exposition is served with the media type that Prometheus asks for."""
    async with client.get(server + "/metrics") as answer:
        assert answer.headers["Content-Type"] == METRICS_TYPE
        assert await answer.read() == b"some_metric 1\n"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_head(server, client, path):
    """HEAD gives the head of GET, without a word on the software behind it."""
    async with client.head(server + path) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert int(answer.headers["Content-Length"]) > 0
        assert "Server" not in answer.headers


async def test_unknown_path(server, client):
    """An unknown path is a problem that names the paths there are."""
    async with client.get(server + "/quit") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
        problem = await answer.json(content_type=None)
        assert problem["type"] == "urn:problem-type:fla-gateway:not-found"
        assert "/readyz" in problem["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods(server, client, method):
    """Nothing here can be changed: other methods get 405 with Allow, and the same members as every other problem."""
    async with client.request(method, server + "/livez") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert answer.headers["Fla-Gateway-Origin"] == "gateway"
        problem = json.loads(await answer.read())
    assert (problem["type"], problem["status"]) == ("urn:problem-type:fla-gateway:method-refused", 405)
    assert problem.keys() >= {"title", "detail", "instance", "origin", "delivery", "retryable", "profile", "cure"}


async def test_foreign_host(server, client):
    """DNS rebinding does not get through."""
    async with client.get(server + "/metrics", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421
        assert (await answer.json(content_type=None))["origin"] == "gateway"


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_web_page(server, client, headers):
    """A web page gets 403, also for a path that does not exist."""
    for path in ("/metrics", "/nothing"):
        async with client.get(server + path, headers=headers) as answer:
            assert answer.status == 403


async def test_failing_metrics_do_not_show_the_error(state, client, capfd):
    """A fault in a supplier is a 500 problem without the error's text; the probes go on."""

    def fail():
        raise ValueError("canary")

    admin = server_of(state, fail)
    port = await start(admin)
    async with client.get(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.status == 500
        text = await answer.text()
    async with client.get(f"http://127.0.0.1:{port}/livez") as answer:
        assert answer.status == 200
    await admin.close()
    assert "canary" not in text
    assert "internal-error" in text


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"canary\r\n\r\n",
        b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-Api-Key : canary\r\n\r\n",
        b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: " + b"canary" * 1000 + b"\r\n\r\n",
        b"GET /readyz HTTP/1.1\r\nX-Api-Key: canary\r\n\r\n",
    ],
)
async def test_malformed_request_is_not_quoted(server, capfd, request_bytes):
    """What is no HTTP is refused by a problem, and neither answered nor logged word for word: it may hold a key."""
    port = int(server.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(raw, request_bytes)
        answer = b""
        while part := await loop.sock_recv(raw, 65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 400")
    assert json.loads(body)["type"] == "urn:problem-type:fla-gateway:malformed-request"
    printed = capfd.readouterr()
    assert "canary" not in printed.out + printed.err + answer.decode()
    assert b"aiohttp" not in head


async def test_a_probe_of_http_1_0_is_answered(server):
    """Monitors that speak it send no Host."""
    port = int(server.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(raw, b"GET /livez HTTP/1.0\r\n\r\n")
        assert (await loop.sock_recv(raw, 65_536)).startswith(b"HTTP/1.0 200")


async def test_unix_socket(state, tmp_path):
    """A Unix socket is served like a port."""
    path = tmp_path / "admin.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    admin = server_of(state, lambda: b"x 1\n")
    await admin.start(UnixAddress(path), [listener])
    connector = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession(connector=connector) as client, client.get("http://anything/readyz") as answer:
        assert answer.status == 200
    await admin.close()


async def test_close_without_start(state):
    """Closing what never started is well."""
    await server_of(state, lambda: b"").close()


async def test_silent_connections_neither_pile_up_nor_keep_the_probes_out(state):
    """The eldest make room: whoever opens hundreds and says half a word holds a few of them, and /livez answers."""
    admin = server_of(state, lambda: b"")
    port = await start(admin)
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
    for _, writer in silent:
        writer.write(b"GET / HT")
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/livez") as answer:
        assert answer.status == 200
    ended = 0
    for reader, writer in silent[:150]:
        try:
            async with asyncio.timeout(PATIENCE):
                ended += await reader.read() == b""
        except ConnectionError:
            ended += 1
        writer.close()
    assert ended == 150
    for _, writer in silent[150:]:
        writer.close()
    await admin.close()
