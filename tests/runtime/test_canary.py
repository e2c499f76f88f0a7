"""Everything at level debug, everything provoked, everything collected: no secret may stand anywhere."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import signal
from pathlib import Path

import pytest

from tests.support.keys import certificate_pem, key_pem, make_certificate, make_rsa, write_private
from tests.support.process import Government, ask, run, token_answer
from tests.support.raw_caller import connect
from tests.support.raw_http import get, ok, post
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

KEY_PASSWORD = "canary-key-password-Zq81"
PROXY_PASSWORD = "canary-proxy-password-Wm27"
TOKEN = "canary.access.token-Xk93_"
CALLERS_KEY = "canary-callers-credential-Vb55"
NATIONAL_NUMBER = "85073003328"

CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"]
[gateway.timeouts]
head = 1
[admin]
listen = "127.0.0.1:0"
[log]
format = "{form}"
level = "debug"
[egress]
proxy = "http://127.0.0.1:{proxy}"
proxy_user = "gateway"
proxy_password_file = "proxy.pass"
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer", password_file = "acme.pass" }}
[profiles.other]
environment = "stub"
client_id = "client-8"
key = {{ pem = "acme.pem", certificate = "acme.cer", password_env = "CANARY_PASSWORD" }}
[profiles.wrong]
environment = "stub"
client_id = "client-9"
key = {{ pem = "acme.pem", password_env = "WRONG_PASSWORD" }}
"""


class Proxy:
    """A corporate proxy that shows in its refusals what it was sent."""

    def __init__(self):
        self.refuses = False
        self.heads = []

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.refuses:
            self.refuses = False
            writer.write(b"HTTP/1.1 407 " + head.split(b"Basic ")[1].split(b"\r")[0] + b"\r\nX-Echo: 1\r\n\r\n" + head)
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        there_reader, there_writer = await asyncio.open_connection(
            "127.0.0.1", int(head.split()[1].rpartition(b":")[2])
        )

        async def carry(source, sink):
            with contextlib.suppress(ConnectionError):
                while piece := await source.read(65_536):
                    sink.write(piece)
                    await sink.drain()
            sink.close()

        await asyncio.gather(carry(reader, there_writer), carry(there_reader, writer))


class Stub(Government):
    """A token server that first answers badly, echoing what it got, and an API that refuses tokens."""

    def __init__(self, tls):
        super().__init__(tls)
        self.assertions = []
        self.minted = []
        self.token = self._token
        self.api = self._api

    def _token(self, request):
        assertion = re.search(rb"client_assertion=([^&]+)", request.body)
        assert assertion is not None
        self.assertions.append(assertion[1].decode())
        payload = assertion[1].split(b".")[1]
        if json.loads(base64.urlsafe_b64decode(payload + b"=="))["iss"] == "client-8":
            echo = {"error": "invalid_client", "error_description": f"bad {assertion[1].decode()}"}
            return ok(json.dumps(echo).encode(), "Content-Type: application/json", status="401 Unauthorized")
        number = len(self.assertions)
        self.minted.append(f"{TOKEN}{number}")
        return token_answer(self.minted[-1])

    def _api(self, request):
        bearer = request.value("Authorization").decode()
        if b"/refused/" in request.target:
            return ok(
                b"", f'WWW-Authenticate: Bearer error="invalid_token", token="{bearer}"', status="401 Unauthorized"
            )
        if b"/broken/" in request.target:
            return f"HTTP/1.1 200 {bearer}\nX: {bearer}\r\n\r\n".encode()
        return ok(b"ok")


def secrets_of(pem: bytes, stub: Stub) -> list[str]:
    """Give everything that may stand nowhere, in the forms in which it could."""
    pair = base64.b64encode(f"gateway:{PROXY_PASSWORD}".encode()).decode()
    lines = [line for line in pem.decode().splitlines() if not line.startswith("-")]
    signatures = [assertion.rpartition(".")[2] for assertion in stub.assertions]
    plain = [KEY_PASSWORD, PROXY_PASSWORD, TOKEN, CALLERS_KEY, pair]
    return [*plain, *lines, *stub.assertions, *signatures, NATIONAL_NUMBER]


@pytest.fixture
async def stub(api_tls):
    """Start token server and API."""
    stub = Stub(api_tls)
    await stub.start()
    yield stub
    await stub.close()


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_secret_stands_in_any_output(tmp_path, ca_file, stub, form):
    """Logs, request lines, answers, metrics and the command line, after failures of every leg."""
    key = make_rsa()
    pem = key_pem(key, password=KEY_PASSWORD)
    write_private(tmp_path / "acme.pem", pem)
    write_private(tmp_path / "acme.cer", certificate_pem(make_certificate(key)))
    write_private(tmp_path / "acme.pass", KEY_PASSWORD)
    write_private(tmp_path / "proxy.pass", PROXY_PASSWORD)
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    words = {"form": form, "port": stub.port, "proxy": server.sockets[0].getsockname()[1], "ca_file": ca_file}
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIGURATION.format(**words))
    environment = {"CANARY_PASSWORD": KEY_PASSWORD, "WRONG_PASSWORD": f"{KEY_PASSWORD}x", "PYTHONDEVMODE": ""}
    async with run(path, "--debug", environment=environment, program=True) as process:
        await eventually(lambda: stub.minted and "anonymous" in process.output and len(stub.assertions) > 1)
        answers = await _provoke(process, proxy, form)
        answers += (await ask(_port(process, "admin-listening"), "/metrics")).body
        command = _command_line(process.pid)
        process.signal(signal.SIGTERM)
        assert await process.ended() in {0, 1}
        printed = process.output
    server.close()
    assert stub.minted, printed
    assert len(proxy.heads) >= 2
    haystack = printed + answers.decode("latin-1") + command.decode()
    for secret in secrets_of(pem, stub):
        assert secret not in haystack, secret[:12]
    for witness in ("token-refused", "token-minted", "token-discarded", "api-malformed", "profile-unavailable"):
        assert witness in haystack, witness


def _command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _port(process, event):
    line = next(line for line in process.lines["stderr"] if event in line)
    found = re.search(r'"?port"?[=:] ?(\d+)', line) or re.search(r"127\.0\.0\.1:(\d+)", line)
    assert found is not None
    return int(found[1])


async def _provoke(process, proxy, form):
    """Meet a failure on every leg, and give all answers."""
    port = _port(process, '"listening"' if form == "json" else " listening ")
    found = b""
    credentials = (f"Authorization: Bearer {CALLERS_KEY}", f"X-Api-Key: {CALLERS_KEY}", f"Cookie: {CALLERS_KEY}")

    async def call(raw):
        nonlocal found
        caller = await connect(port)
        await caller.send(raw)
        answer = await caller.answer()
        found += answer.line + answer.body
        found += b"".join(name + value for name, value in answer.fields if name != b"Fla-Gateway-Upstream-Challenge")
        caller.close()
        return answer

    proxy.refuses = True
    assert (await call(get("/employer/REST/x", *credentials))).code == "egress-refused"
    assert (await call(get("/employer/REST/x", *credentials))).status == 200
    assert (await call(get("/other/REST/x", *credentials))).code == "token-refused"
    await call(
        post(
            NATIONAL_NUMBER.encode(), *credentials, path=f"/employer/REST/refused/{NATIONAL_NUMBER}?n={NATIONAL_NUMBER}"
        )
    )
    await call(get("/employer/REST/broken/x", *credentials))
    await call(get("/wrong/REST/x", *credentials))
    await call(get(f"/nobody/REST/{NATIONAL_NUMBER}", *credentials))
    await call(get("/employer/REST/x", *credentials, "Origin: https://evil.example"))
    await call(f"GET / HTTP/1.1\nAuthorization: {CALLERS_KEY}\r\n\r\n".encode())
    await call(f"GET /employer/REST/x HTTP/1.1\r\nHost: localhost\r\nAuthorization : {CALLERS_KEY}\r\n\r\n".encode())
    await call(f"POST http://{CALLERS_KEY}@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await call(f"{CALLERS_KEY} /employer/REST/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x\r\n\r\n".encode())
    await call(f"{CALLERS_KEY} /employer/REST/x HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return found
