from __future__ import annotations

import asyncio
import email.utils
import gzip
import json
import socket
import threading
import time
import uuid
from email.utils import formatdate

import pytest
import structlog
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from fla_gateway.errors import ProblemError, UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.oauth.assertion import SigningKey
from fla_gateway.oauth.client import TOTAL_SECONDS
from tests.support.keys import TlsAuthority, make_rsa
from tests.support.token_server import TOKEN, TokenServer, read_request, request_for
from tests.support.waiting import PATIENCE

PUBLIC = RSAKey.import_key(make_rsa())


async def failure(client, request):
    """Fetch, expect a problem and give it; nothing secret may hang on it."""
    with structlog.testing.capture_logs() as events, pytest.raises(ProblemError) as caught:
        await client.fetch(request)
    problem = caught.value
    # A traceback in a log would show what an exception drags along.
    assert problem.__cause__ is None
    assert problem.__context__ is None
    shown = f"{problem!r} {problem.detail} {events}"
    assert "eyJ" not in shown
    assert TOKEN not in shown
    assert problem.detail.isprintable()
    return problem


def claims_of(form):
    """Verify the assertion in a form and read its claims."""
    return jwt.decode(form["client_assertion"], PUBLIC, algorithms=["RS256"]).claims


class SkewedClock:
    """The real clocks, with the wall clock off by some seconds."""

    def __init__(self, off):
        self.off = off

    def wall(self):
        return time.time() + self.off

    def monotonic(self):
        return time.monotonic()


async def test_a_token_is_asked_for_as_the_channel_wants_it(server, clients):
    """One POST with exactly the official parameters, a verifiable assertion, and no field that does not belong."""
    before = time.monotonic()
    token = await clients().fetch(request_for(server.url))
    assert (token.value.reveal(), token.lifetime, token.scope) == (TOKEN, 600.0, "scope:a")
    assert before - 1 < token.obtained <= time.clock_gettime(time.CLOCK_BOOTTIME)
    (form,), (headers,) = server.seen.forms, server.seen.headers
    assert set(form) == {"grant_type", "client_assertion_type", "client_assertion"}
    assert form["grant_type"] == "client_credentials"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert set(headers) == {"Host", "Accept", "Accept-Encoding", "Content-Type", "Content-Length", "User-Agent"} | (
        {"Connection"} & set(headers)
    )
    claims = claims_of(form)
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("client-7", "client-7", server.url)
    assert abs(claims["exp"] - time.time() - 120) < 60


async def test_scope_is_sent_only_when_configured(server, clients):
    """Several scopes travel in one parameter, separated by spaces."""
    await clients().fetch(request_for(server.url, scope=("scope:a", "scope:b")))
    assert server.seen.forms[0]["scope"] == "scope:a scope:b"


async def test_no_assertion_is_used_twice(server, clients):
    """Every fetch makes a new assertion with a new UUID as jti."""
    client = clients()
    for _ in range(3):
        await client.fetch(request_for(server.url))
    identifiers = {claims_of(form)["jti"] for form in server.seen.forms}
    assert len(identifiers) == 3
    assert all(uuid.UUID(identifier).version == 4 for identifier in identifiers)


async def test_cookies_are_neither_kept_nor_sent(server, clients):
    """A cookie of the token server does not come back to it."""
    client = clients()
    server.answers.append(TokenServer.usual(**{"Set-Cookie": "session=1; Path=/"}))
    for _ in range(2):
        await client.fetch(request_for(server.url))
    assert "Cookie" not in server.seen.headers[1]


async def test_the_environment_s_proxy_and_netrc_are_not_read(server, clients, monkeypatch, tmp_path):
    """Ambient proxies and ~/.netrc change nothing."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login a password b\n")
    netrc.chmod(0o600)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(netrc))
    assert (await clients().fetch(request_for(server.url))).value.reveal() == TOKEN
    assert "Authorization" not in server.seen.headers[0]


async def test_the_tls_context_is_chosen_by_ca_file(server, clients, authority, tmp_path):
    """The function that gives contexts is asked with the request's own ca_file."""
    asked = []

    def tls(path):
        asked.append(path)
        return authority.client_context()

    client = clients(tls=tls)
    await client.fetch(request_for(server.url, ca_file=tmp_path / "ca.pem"))
    assert asked == [tmp_path / "ca.pem"]


async def test_signing_happens_in_a_thread(server, clients, keys):
    """The loop's thread never does the arithmetic of a signature."""
    threads = []

    class Watched:
        algorithms = ("RS256",)

        def sign(self, algorithm, signing_input):
            threads.append(threading.current_thread())
            return keys["acme"].signer.sign(algorithm, signing_input)

    await clients(keys={"acme": SigningKey(Watched())}).fetch(request_for(server.url))
    assert threads
    assert threading.main_thread() not in threads


async def test_a_key_that_cannot_sign_is_a_clear_problem(server, clients):
    """What the signer says becomes token-unsigned, as does a key that is not there; nothing is sent."""

    class Broken:
        algorithms = ("RS256",)

        def sign(self, algorithm, signing_input):
            raise UnusableKeyError(Message("gone", "the token was pulled out"), Text("plug it in"))

    client = clients(keys={"acme": SigningKey(Broken())})
    with pytest.raises(ProblemError, match="the token was pulled out"):
        await client.fetch(request_for(server.url))
    assert (await failure(client, request_for(server.url, key="missing"))).code == "token-unsigned"
    assert (await failure(client, request_for(server.url, alg="ES384"))).code == "token-unsigned"
    assert server.seen.forms == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (TokenServer.refusal, "token-refused"),
        (lambda: TokenServer.refusal(status=400), "token-refused"),
        (lambda: web.Response(status=403, text="<html>", content_type="text/html"), "token-refused"),
        (lambda: web.Response(status=200), "token-malformed"),
        (lambda: web.json_response({"access_token": "a\r\nb", "token_type": "bearer"}), "token-malformed"),
        (lambda: web.Response(status=302, headers={"Location": "https://elsewhere.example/"}), "token-malformed"),
        (lambda: web.Response(status=429, headers={"Retry-After": "9"}), "token-throttled"),
        (lambda: web.Response(status=503, headers={"Retry-After": formatdate(time.time() + 60)}), "token-failed"),
        (lambda: web.Response(body=b"x" * 70_000), "token-malformed"),
    ],
)
async def test_answers_become_problems_and_the_next_fetch_works(server, clients, answer, code):
    """Each bad answer is one problem, is not tried again behind the engine's back, and wedges nothing."""
    client = clients()
    server.answers.append(answer())
    problem = await failure(client, request_for(server.url))
    assert problem.code == code
    assert (problem.retry_after is not None) == (code in {"token-throttled", "token-failed"})
    assert len(server.seen.forms) == 1
    assert (await client.fetch(request_for(server.url))).value.reveal() == TOKEN


async def test_an_echoed_assertion_is_not_quoted(clients, raw_server):
    """A token server that repeats the assertion in its error does not get it into the detail."""

    async def echo(reader, writer):
        _, body = await read_request(reader)
        text = json.dumps({"error": "invalid_client", "error_description": body.decode()}).encode()
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
        await writer.drain()

    port = await raw_server(echo)
    problem = await failure(clients(), request_for(f"https://localhost:{port}/token"))
    assert problem.detail.startswith("The token server answered 401 invalid_client. Guesses at the cause")


async def test_a_compressed_answer_is_read(clients, raw_server):
    """Gzip that nobody asked for is read."""

    async def compressed(reader, writer):
        await read_request(reader)
        body = gzip.compress(json.dumps({"access_token": TOKEN, "token_type": "bearer"}).encode())
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        await writer.drain()

    port = await raw_server(compressed)
    token = await clients().fetch(request_for(f"https://localhost:{port}/token"))
    assert (token.value.reveal(), token.lifetime) == (TOKEN, 60.0)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (b"", "token-failed"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "token-failed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "token-malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "token-malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "token-malformed"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"access_token": "a', "token-malformed"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "token-malformed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, "token-malformed"),
        (b"HTTP/1.1 200 OK\r\nX-A: canary\x00\r\n\r\n", "token-malformed"),
    ],
)  # fmt: skip
async def test_drops_and_garbage(clients, raw_server, written, code):
    """A connection that ends, breaks off or speaks no HTTP is one clear problem, and one request was sent."""
    requests = []

    async def behave(reader, writer):
        requests.append(await read_request(reader))
        writer.write(written)
        await writer.drain()

    port = await raw_server(behave)
    problem = await failure(clients(), request_for(f"https://localhost:{port}/token"))
    assert problem.code == code
    assert "canary" not in problem.detail
    assert len(requests) == 1


async def test_an_endless_answer_is_cut_off(clients, raw_server):
    """Reading stops past 64 KiB, and the connection is closed on a server that goes on writing."""
    closed = asyncio.Event()

    async def endless(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b" " * 65_536)
                await writer.drain()
        finally:
            closed.set()

    port = await raw_server(endless)
    problem = await failure(clients(), request_for(f"https://localhost:{port}/token"))
    assert problem.code == "token-malformed"
    assert "larger than 65536 bytes" in problem.detail
    await asyncio.wait_for(closed.wait(), PATIENCE)


@pytest.mark.parametrize("written", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
async def test_a_stall_ends_in_time(clients, raw_server, written):
    """A server that stops answering, before or within its answer, costs no more than the time limit."""
    gone = asyncio.Event()

    async def stall(reader, writer):
        await read_request(reader)
        writer.write(written)
        await writer.drain()
        await gone.wait()

    port = await raw_server(stall)
    started = time.monotonic()
    problem = await failure(clients(total_seconds=0.3), request_for(f"https://localhost:{port}/token"))
    gone.set()
    assert problem.code == "token-timeout"
    assert time.monotonic() - started < TOTAL_SECONDS, "the limit is the one that was given"


async def test_a_handshake_that_stalls_ends_in_time(clients, raw_server):
    """A port that accepts and says nothing counts as a connection that did not come about in time."""
    gone = asyncio.Event()

    async def silent(reader, writer):
        await gone.wait()

    port = await raw_server(silent, tls=False)
    problem = await failure(clients(connect_seconds=0.2), request_for(f"https://localhost:{port}/token"))
    gone.set()
    assert problem.code == "token-timeout"
    assert "No connection to localhost in time" in problem.detail


async def test_a_closed_port(clients):
    """A refused connection is named as such."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    problem = await failure(clients(), request_for(f"https://localhost:{port}/token"))
    assert problem.code == "token-unreachable"
    assert "connection refused" in problem.detail


async def test_an_unknown_name(clients):
    """A name without an address is named as such."""
    problem = await failure(clients(), request_for("https://token-server.invalid/token"))
    assert problem.code == "token-unreachable"
    assert "token-server.invalid cannot be resolved" in problem.detail


async def test_an_untrusted_certificate(server, clients):
    """A certificate of a stranger's authority is explained, with ca_file as a cure, and no assertion is sent."""
    problem = await failure(clients(tls=lambda _: TlsAuthority().client_context()), request_for(server.url))
    assert problem.code == "token-unreachable"
    assert "not trusted" in problem.detail
    assert "ca_file" in problem.detail
    assert server.seen.forms == []


async def test_a_certificate_for_another_name(clients, raw_server, authority, tmp_path):
    """A certificate for another host is told apart from an untrusted one."""

    async def never(reader, writer):
        raise AssertionError("nothing may arrive")

    port = await raw_server(never, context=authority.server_context(tmp_path, "other.example"))
    problem = await failure(clients(), request_for(f"https://localhost:{port}/token"))
    assert problem.code == "token-unreachable"
    assert "for another name" in problem.detail


async def test_a_port_without_tls(clients, raw_server):
    """A port that answers in clear text is a failed handshake."""

    async def clear(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    port = await raw_server(clear, tls=False)
    problem = await failure(clients(), request_for(f"https://localhost:{port}/token"))
    assert problem.code == "token-unreachable"
    assert "TLS" in problem.detail


async def test_a_server_of_old_tls_is_told_by_its_alert(clients, raw_server):
    """A peer that refuses our versions of TLS is told from a port without TLS: its alert is quoted."""

    async def refuse(reader, writer):
        await reader.read(1)
        # An alert record, RFC 8446, section 6: level fatal (2), protocol_version (70).
        writer.write(bytes((21, 3, 1, 0, 2, 2, 70)))
        await writer.drain()

    port = await raw_server(refuse, tls=False)
    problem = await failure(clients(), request_for(f"https://localhost:{port}/token"))
    assert problem.code == "token-unreachable"
    assert "alert protocol version" in problem.detail
    assert "TLS 1.2 or newer" in problem.detail


async def test_a_server_that_hangs_up_during_the_handshake(clients, raw_server):
    """A connection that ends within the handshake, without a word, was closed: no sentence runs in a circle."""

    async def hang_up(reader, writer):
        await reader.read(65_536)

    port = await raw_server(hang_up, tls=False)
    problem = await failure(clients(), request_for(f"https://localhost:{port}/token"))
    assert problem.code == "token-unreachable"
    assert "No connection to localhost: it was closed." in problem.detail


async def test_nothing_is_sent_without_verification(server, clients, authority):
    """A context that does not verify, or an address without TLS, gets no assertion."""

    def careless(_):
        context = authority.client_context()
        context.check_hostname = False
        return context

    assert (await failure(clients(tls=careless), request_for(server.url))).code == "token-unreachable"
    clear = server.url.replace("https:", "http:")
    assert (await failure(clients(), request_for(clear))).code == "token-unreachable"
    assert server.seen.forms == []


async def test_a_refused_assertion_is_made_again_once_with_the_learned_time(server, clients):
    """With a clock that is five minutes slow, the refusal's Date mends the second assertion and all later ones."""
    client = clients(clock=SkewedClock(-300))
    server.answers.append(TokenServer.refusal())
    with structlog.testing.capture_logs() as events:
        await client.fetch(request_for(server.url))
        await client.fetch(request_for(server.url))
    late, mended, later = [claims_of(form) for form in server.seen.forms]
    assert late["iat"] < time.time() - 290
    assert abs(mended["iat"] - time.time()) < 60
    assert abs(later["iat"] - time.time()) < 60
    assert len({late["jti"], mended["jti"], later["jti"]}) == 3
    (offset,) = client.offsets().values()
    assert abs(offset - 300) < 5
    assert [event["event"] for event in events] == ["assertion-made-again", "clock-skew"]


@pytest.mark.parametrize("hours", [-23, -2, 2, 23])
async def test_a_lying_date_alone_gets_no_assertion_far_ahead(server, clients, hours):
    """One refusal with a Date hours away leads to no assertion for that time; the second one that agrees does."""
    client = clients()
    lie = email.utils.formatdate(time.time() + hours * 3600, usegmt=True)
    server.answers.extend(TokenServer.refusal(Date=lie) for _ in range(3))
    await failure(client, request_for(server.url))
    assert [abs(claims_of(form)["exp"] - time.time()) < 3600 for form in server.seen.forms] == [True]
    await failure(client, request_for(server.url))
    honest, agreed = [claims_of(form) for form in server.seen.forms[1:]]
    assert abs(honest["iat"] - time.time()) < 60
    assert abs(agreed["iat"] - time.time() - hours * 3600) < 60
    assert agreed["exp"] - agreed["iat"] == 120


async def test_a_lying_date_of_a_success_changes_nothing(server, clients):
    """One token response with a Date a day ahead: the next assertions go by this host's clock."""
    client = clients()
    lie = email.utils.formatdate(time.time() + 80_000, usegmt=True)
    server.answers.append(TokenServer.usual(Date=lie))
    for _ in range(3):
        await client.fetch(request_for(server.url))
    assert all(abs(claims_of(form)["iat"] - time.time()) < 60 for form in server.seen.forms)


async def test_an_assertion_is_made_again_only_once(server, clients):
    """If the mended assertion is refused as well, that is the end, and the detail names the clock."""
    server.answers.extend([TokenServer.refusal(), TokenServer.refusal(), TokenServer.refusal()])
    problem = await failure(clients(clock=SkewedClock(-300)), request_for(server.url))
    assert len(server.seen.forms) == 2
    assert "clock is" in problem.detail


async def test_with_the_right_time_a_refusal_is_final(server, clients):
    """Without skew a refused assertion is not made again: failed requests count against a quota."""
    server.answers.append(TokenServer.refusal())
    problem = await failure(clients(), request_for(server.url))
    assert len(server.seen.forms) == 1
    assert "clock differs" not in problem.detail


async def test_a_date_with_age_teaches_nothing(server, clients):
    """An answer out of a cache has an old Date and is not believed."""
    client = clients(clock=SkewedClock(-300))
    server.answers.extend(TokenServer.usual(Age="280") for _ in range(3))
    for _ in range(3):
        await client.fetch(request_for(server.url))
    assert client.offsets() == {}


async def test_a_host_clock_that_is_days_off_alarms(server, clients):
    """Beyond a day nothing more is corrected, and an error is logged once."""
    client = clients(clock=SkewedClock(-200_000))
    with structlog.testing.capture_logs() as events:
        for _ in range(3):
            await client.fetch(request_for(server.url))
    assert [event["log_level"] for event in events] == ["error"]
    assert list(client.offsets().values()) == [86_400.0]


async def test_a_clock_that_was_set_right_is_noticed(server, clients):
    """After the host's clock was set, the offset is unlearned from the next answers."""
    clock = SkewedClock(-300)
    client = clients(clock=clock)
    for _ in range(2):
        await client.fetch(request_for(server.url))
    clock.off = 0
    with structlog.testing.capture_logs() as events:
        for _ in range(2):
            await client.fetch(request_for(server.url))
    assert [event["event"] for event in events] == ["clock-skew-gone"]
    assert abs(next(iter(client.offsets().values()))) < 5


async def test_cancelling_a_fetch_leaves_the_client_usable(clients, server, raw_server):
    """A cancelled fetch closes its connection, and the next one works."""
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def hold(reader, writer):
        await read_request(reader)
        arrived.set()
        await reader.read()
        closed.set()

    port = await raw_server(hold)
    client = clients()
    fetching = asyncio.create_task(client.fetch(request_for(f"https://localhost:{port}/token")))
    await arrived.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    await asyncio.wait_for(closed.wait(), PATIENCE)
    assert (await client.fetch(request_for(server.url))).value.reveal() == TOKEN
