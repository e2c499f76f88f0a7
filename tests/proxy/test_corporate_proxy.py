"""The way to the API through a corporate proxy (CONNECT)."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import pytest

from fla_gateway.network.route import Egress
from fla_gateway.secret import Secret
from tests.support.keys import TlsAuthority
from tests.support.raw_http import get, post

PASSWORD = "canary:pässword"
OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


class CorporateProxy:
    """A proxy that notes CONNECT heads and what it carries, and answers as told."""

    def __init__(self):
        self.answer = OPEN
        self.pieces = 1
        self.opens = True
        self.heads = []
        self.carried = b""
        self._writers = []

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            for piece in _cut(self.answer, self.pieces):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if self.opens:
                await self._tunnel(reader, writer, int(head.split()[1].rpartition(b":")[2]))
        writer.close()

    async def _tunnel(self, reader, writer, port):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        self._writers.append(there_writer)

        async def carry(source, sink):
            with contextlib.suppress(ConnectionError):
                while piece := await source.read(65_536):
                    self.carried += piece
                    sink.write(piece)
                    await sink.drain()
            sink.close()

        await asyncio.gather(carry(reader, there_writer), carry(there_reader, writer))

    def close(self):
        self.server.close()
        for writer in self._writers:
            writer.transport.abort()


def _cut(data, pieces):
    size = -(-len(data) // pieces) or 1
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.fixture
async def proxy():
    """Start a proxy."""
    proxy = await CorporateProxy().start()
    yield proxy
    proxy.close()


@pytest.mark.parametrize("pieces", [1, 3, 38])
async def test_requests_travel_through_the_tunnel(start, proxy, pieces):
    """TLS ends at the API, not at the proxy: what it carries is unreadable, and the tunnel is used again."""
    proxy.pieces = pieces
    rig = await start(egress=Egress("127.0.0.1", proxy.port))
    caller = await rig.caller()
    for _ in range(3):
        await caller.send(post(b"declaration"))
        assert (await caller.answer()).body == b"ok"
    (head,) = proxy.heads
    authority = f"localhost:{rig.api.port}"
    assert head == f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: fla-gateway\r\n\r\n".encode()
    assert b"declaration" not in proxy.carried
    assert b"token-1" not in proxy.carried


async def test_credentials_stand_in_the_connect_head_alone(start, proxy):
    """Basic credentials (UTF-8) go to the proxy, and never to the API."""
    rig = await start(egress=Egress("127.0.0.1", proxy.port, "gateway", Secret(PASSWORD)))
    assert (await rig.call(get())).status == 200
    expected = base64.b64encode(f"gateway:{PASSWORD}".encode())
    assert b"Proxy-Authorization: Basic " + expected + b"\r\n" in proxy.heads[0]
    (request,) = rig.api.requests
    assert not {b"proxy-authorization"} & {name.lower() for name, _ in request.fields}
    assert request.value("Authorization") == b"Bearer token-1"


@pytest.mark.parametrize(
    ("status", "says"),
    [(407, "proxy_password_file"), (403, "administrator"), (502, "502"), (302, "302"), (100, "did not answer CONNECT")],
)
async def test_a_proxys_refusal_is_told_apart_from_the_apis(start, proxy, status, says):
    """502 egress-refused, nothing sent, and the detail says what to do; its own page is not passed on."""
    proxy.opens = False
    proxy.answer = b"HTTP/1.1 %d No\r\nContent-Length: 6\r\nProxy-Authenticate: Basic\r\n\r\ncanary" % status
    rig = await start(egress=Egress("127.0.0.1", proxy.port, "acme-account", Secret(PASSWORD)))
    answer = await rig.call(post(b"{}"))
    assert (answer.status, answer.code) == (502, "egress-refused")
    # The caller learns neither the account nor where the proxy is.
    assert b"acme-account" not in answer.body
    assert str(proxy.port).encode() not in answer.body
    assert (answer.problem["origin"], answer.problem["delivery"]) == ("network", "not-sent")
    assert says in answer.problem["detail"]
    assert answer.value("Proxy-Authenticate") is None
    assert b"canary" not in answer.body
    assert rig.api.opened == 0


@pytest.mark.parametrize(
    "offered", ["Negotiate\r\nProxy-Authenticate: NTLM", 'Negotiate, NTLM, Digest realm="x, Basic"']
)
async def test_a_proxy_without_basic_is_told_from_wrong_credentials(start, proxy, offered):
    """No other password will help: the schemes are named, and what people use instead."""
    proxy.opens = False
    proxy.answer = f"HTTP/1.1 407 No\r\nProxy-Authenticate: {offered}\r\n\r\n".encode()
    rig = await start(egress=Egress("127.0.0.1", proxy.port, "gateway", Secret(PASSWORD)))
    detail = (await rig.call(post(b"{}"))).problem["detail"]
    assert "it offers Negotiate, NTLM" in detail
    assert "NTLM and Kerberos (Negotiate) are not supported" in detail
    assert "cntlm or px" in detail
    assert "canary" not in detail


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 20", b"SSH-2.0-x\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 200\n\n", b"x" * 20_000, b"\r\n\r\n"],
)
async def test_a_proxy_that_speaks_no_http(start, proxy, answer):
    """502 egress-refused for whatever is no answer to CONNECT."""
    proxy.opens = False
    proxy.answer = answer
    rig = await start(egress=Egress("127.0.0.1", proxy.port))
    assert (await rig.call(get())).code == "egress-refused"


@pytest.mark.parametrize("more", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"])
async def test_bytes_before_the_handshake_never_become_an_answer(start, proxy, more):
    """Whoever speaks before the TLS server does is somebody else."""
    proxy.opens = False
    proxy.answer = OPEN + more
    rig = await start(egress=Egress("127.0.0.1", proxy.port))
    answer = await rig.call(get())
    assert (answer.status, answer.code) == (502, "egress-refused")
    assert b"forged" not in answer.body


async def test_bytes_that_come_a_little_later_never_become_an_answer(start, proxy):
    """They meet the TLS handshake, which they are not."""
    proxy.opens = False
    proxy.answer = OPEN + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    proxy.pieces = 2
    rig = await start(egress=Egress("127.0.0.1", proxy.port))
    answer = await rig.call(get())
    assert answer.status == 502
    assert answer.problem["delivery"] == "not-sent"
    assert b"forged" not in answer.body


async def test_a_proxy_that_is_not_there(start, proxy):
    """The proxy is named, not the API: it is the proxy that cannot be reached."""
    proxy.close()
    rig = await start(egress=Egress("127.0.0.1", proxy.port))
    answer = await rig.call(get())
    assert (answer.status, answer.code) == (502, "api-unreachable")
    assert answer.problem["detail"].startswith("The corporate proxy cannot be reached: ")
    assert str(proxy.port) not in answer.problem["detail"]


async def test_a_proxy_that_says_nothing(start, proxy):
    """504 api-connect-timeout after `connect` seconds."""
    proxy.answer = b""
    proxy.pieces = 1
    proxy.opens = True
    proxy._tunnel = _silence
    rig = await start(egress=Egress("127.0.0.1", proxy.port), gateway="[gateway.timeouts]\nconnect = 0.1")
    assert (await rig.call(get())).code == "api-connect-timeout"


async def _silence(reader, writer, port):
    await reader.read()


async def test_a_proxy_that_opens_tls_is_not_trusted(start, proxy, tmp_path):
    """A proxy that answers with a certificate of its own is refused unless its root was configured."""
    rig = await start(
        egress=Egress("127.0.0.1", proxy.port), api_tls=TlsAuthority("corporate").server_context(tmp_path)
    )
    answer = await rig.call(get())
    assert answer.code == "api-untrusted"
    assert "[egress]" in answer.problem["detail"]


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
async def test_proxies_of_the_environment_are_ignored(start, monkeypatch, proxy, name):
    """Ambient settings would send tokens where nobody configured it."""
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    rig = await start()
    assert (await rig.call(get())).status == 200
    assert proxy.heads == []
