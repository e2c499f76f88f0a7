from __future__ import annotations

import asyncio
import base64
import contextlib
import socket

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.network.route import Egress
from fla_gateway.secret import Secret
from tests.support.token_server import TOKEN, request_for

PASSWORD = "canary:pässword"


async def tunnel(reader, writer, port):
    """Carry bytes both ways until one side ends."""
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)

    async def carry(source, sink):
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(65_536):
                sink.write(piece)
                await sink.drain()
        sink.close()

    await asyncio.gather(carry(reader, there_writer), carry(there_reader, writer))


@pytest.fixture
async def proxy(raw_server):
    """Start a proxy that notes CONNECT heads and then answers so, or opens the tunnel."""

    async def start(answer=b"HTTP/1.1 200 Connection established\r\n\r\n", *, opens=True):
        heads = []

        async def serve(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head)
            writer.write(answer)
            await writer.drain()
            if opens:
                await tunnel(reader, writer, int(head.split()[1].rpartition(b":")[2]))

        return await raw_server(serve, tls=False), heads

    return start


async def refused(client, request):
    """Fetch and give the problem; the proxy's credentials may not hang on it."""
    with pytest.raises(ProblemError) as caught:
        await client.fetch(request)
    assert caught.value.__context__ is None
    assert "canary" not in f"{caught.value!r}"
    assert base64.b64encode(f"gateway:{PASSWORD}".encode()).decode() not in f"{caught.value!r}"
    return caught.value


async def test_credentials_stand_in_the_connect_head_alone(server, clients, proxy):
    """The token comes through the tunnel; Basic credentials go to the proxy and never to the token server."""
    port, heads = await proxy()
    egress = Egress("127.0.0.1", port, "gateway", Secret(PASSWORD))
    token = await clients(egress=egress).fetch(request_for(server.url))
    assert token.value.reveal() == TOKEN
    (head,) = heads
    expected = base64.b64encode(f"gateway:{PASSWORD}".encode())
    assert head.startswith(b"CONNECT localhost:")
    assert b"Proxy-Authorization: Basic " + expected in head
    (headers,) = server.seen.headers
    assert not {"Proxy-Authorization", "Authorization"} & set(headers)


async def test_without_a_user_no_credentials_are_sent(server, clients, proxy):
    """A proxy without user name gets no credentials."""
    port, heads = await proxy()
    await clients(egress=Egress("127.0.0.1", port)).fetch(request_for(server.url))
    assert b"authorization" not in heads[0].lower()


@pytest.mark.parametrize(
    ("status", "says"),
    [(407, "proxy_password_file"), (403, "forbids"), (502, "cannot reach the token server"), (599, "administrators")],
)
async def test_a_proxy_s_refusal_is_told_apart_from_the_token_server_s(server, clients, proxy, status, says):
    """The detail says that it was the proxy, and what to do; its Date teaches nothing, and nothing is sent."""
    answer = b"HTTP/1.1 %d No\r\nDate: Fri, 15 Jan 2010 08:00:30 GMT\r\nContent-Length: 0\r\n\r\n" % status
    port, _ = await proxy(answer, opens=False)
    client = clients(egress=Egress("127.0.0.1", port, "gateway", Secret(PASSWORD)))
    problem = await refused(client, request_for(server.url))
    assert problem.code == "token-unreachable"
    assert f"The corporate proxy refused the tunnel to localhost with {status}" in problem.detail
    assert says in problem.detail
    assert client.offsets() == {}
    assert server.seen.forms == []


async def test_a_proxy_without_basic_is_told_from_wrong_credentials(server, clients, proxy):
    """No other password will help: the schemes are named, and what people use instead."""
    port, heads = await proxy(b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n", opens=False)
    client = clients(egress=Egress("127.0.0.1", port, "gateway", Secret(PASSWORD)))
    problem = await refused(client, request_for(server.url))
    assert "it offers NTLM" in problem.detail
    assert "cntlm or px" in problem.detail
    assert b"\r\nUser-Agent: fla-gateway\r\n" in heads[0]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 20", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 302 No\r\n\r\n"])
async def test_a_proxy_that_speaks_no_http(server, clients, proxy, answer):
    """A proxy that hangs up or answers nonsense is a problem of the token leg like any other."""
    port, _ = await proxy(answer, opens=False)
    problem = await refused(clients(egress=Egress("127.0.0.1", port)), request_for(server.url))
    assert problem.code in {"token-unreachable", "token-failed", "token-malformed"}
    assert server.seen.forms == []


async def test_a_proxy_that_is_not_there(server, clients):
    """A proxy whose port is closed is named by its role: the detail goes to callers, who need not know where it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    problem = await refused(clients(egress=Egress("127.0.0.1", port)), request_for(server.url))
    assert problem.code == "token-unreachable"
    assert "corporate proxy cannot be reached" in problem.detail
    assert str(port) not in problem.detail


async def test_a_proxy_whose_name_is_unknown(server, clients):
    """The same for a proxy without an address."""
    problem = await refused(clients(egress=Egress("proxy.invalid", 3128)), request_for(server.url))
    assert "corporate proxy (egress.proxy) cannot be resolved" in problem.detail
    assert "proxy.invalid" not in problem.detail


@pytest.mark.parametrize(
    "more", [b"x", b'HTTP/1.1 200 OK\r\n\r\n{"access_token": "forged"}', b"HTTP/1.1 200 OK\r\n\r\n"]
)
async def test_bytes_before_the_handshake_are_refused(server, clients, proxy, more):
    """What a proxy sends in clear text after its 200 ends the attempt: nothing is sent into such a tunnel."""
    port, _ = await proxy(b"HTTP/1.1 200 OK\r\n\r\n" + more)
    problem = await refused(clients(egress=Egress("127.0.0.1", port)), request_for(server.url))
    assert problem.code == "token-unreachable"
    assert "bytes of its own before the TLS handshake" in problem.detail
    assert server.seen.forms == []


async def test_a_proxy_that_does_not_answer(server, clients, raw_server):
    """It has as long as any connection, and is named."""

    async def silent(reader, writer):
        await reader.read()

    port = await raw_server(silent, tls=False)
    problem = await refused(clients(egress=Egress("127.0.0.1", port), connect_seconds=0.1), request_for(server.url))
    assert problem.code == "token-timeout"
    assert "corporate proxy opened no tunnel in time" in problem.detail
