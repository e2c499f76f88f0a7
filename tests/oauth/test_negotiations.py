"""What is kept of each negotiation with a token server."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.oauth.assertion import SigningKey
from fla_gateway.oauth.negotiations import MOST
from tests.support.token_server import TOKEN, TokenServer, read_request, request_for

ENDS = datetime(2028, 11, 30, tzinfo=UTC)


async def test_a_granted_token_leaves_what_was_asked_and_what_was_given(server, clients, keys):
    """Assertion without signature, fingerprint, phases, status, fields, scope and lifetime are there."""
    fingerprint = hashlib.sha256(b"certificate").digest()
    client = clients(keys={"acme": SigningKey(keys["acme"].signer, sha256=fingerprint, certificate_ends=ENDS)})
    request = request_for(server.url)
    token = await client.fetch(request)
    (one,) = client.negotiations.of(request)
    assert (one.result, one.status, one.detail, one.error) == ("granted", 200, "", "")
    assert (one.endpoint, one.environment) == (server.url, request.environment)
    assert (one.header["alg"], one.claims["iss"], one.claims["aud"]) == ("RS256", request.client_id, request.audience)
    assert (one.certificate, one.certificate_ends) == (fingerprint.hex(), ENDS)
    assert list(one.phases) == ["dns", "tcp", "tls", "request", "response"]
    assert (one.lifetime, one.scope) == (token.lifetime, token.scope or "")
    assert one.fields["content-type"].startswith("application/json")
    assert abs(one.clock_sample) < 5


async def test_a_refusal_leaves_the_oauth_code(server, clients):
    """What the server answered is told apart from what the gateway says of it."""
    client = clients()
    server.answers.append(TokenServer.refusal())
    request = request_for(server.url)
    with pytest.raises(ProblemError) as caught:
        await client.fetch(request)
    (one,) = client.negotiations.of(request)
    assert (one.result, one.status, one.error) == ("token-refused", 401, "invalid_client")
    assert one.detail == caught.value.detail
    assert one.lifetime == 0


async def test_a_connection_that_is_refused_leaves_how_far_it_came(server, clients, unused_tcp_port):
    """The phases end with the one that failed."""
    client = clients()
    request = request_for(f"https://localhost:{unused_tcp_port}/token")
    with pytest.raises(ProblemError):
        await client.fetch(request)
    (one,) = client.negotiations.of(request)
    assert (one.result, one.status, list(one.phases)) == ("token-unreachable", 0, ["dns", "tcp"])
    assert isinstance(one.detail, Text), "the status page says it in its language"
    assert one.claims["iss"] == request.client_id


async def test_an_attempt_that_takes_too_long_is_kept_as_cut(raw_server, clients):
    """The phase in which it waited has the time of the wait."""
    seen = asyncio.Event()

    async def wait(reader, _writer):
        await read_request(reader)
        seen.set()
        await reader.read()

    client = clients(total_seconds=0.5)
    request = request_for(f"https://localhost:{await raw_server(wait)}/token")
    with pytest.raises(ProblemError):
        await client.fetch(request)
    assert seen.is_set()
    (one,) = client.negotiations.of(request)
    assert (one.result, one.status) == ("cut", 0)
    assert max(one.phases, key=one.phases.get) == "response"


async def test_a_key_that_cannot_be_used_leaves_no_assertion(server, clients):
    """Nothing was signed, and nothing was sent."""
    client = clients(keys={})
    request = request_for(server.url)
    with pytest.raises(ProblemError):
        await client.fetch(request)
    (one,) = client.negotiations.of(request)
    assert (one.result, one.header, one.claims, one.phases) == ("token-unsigned", {}, {}, {})


async def test_a_server_that_repeats_the_assertion_in_its_fields_is_not_quoted(raw_server, clients):
    """Neither the assertion nor a token comes into the record, wherever a server puts it."""

    async def echo(reader, writer):
        _, body = await read_request(reader)
        assertion = body.decode().partition("client_assertion=")[2].partition("&")[0]
        head = f"HTTP/1.1 400 Bad\r\nX-Request-Id: {assertion}\r\nServer: {assertion[:30]}\r\nVia: 1.1 proxy\r\n"
        writer.write(f"{head}X-Correlation-Id: {TOKEN * 4}\r\nX-Secret: x\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    client = clients()
    request = request_for(f"https://localhost:{await raw_server(echo)}/token")
    with pytest.raises(ProblemError):
        await client.fetch(request)
    (one,) = client.negotiations.of(request)
    assert one.fields == {"via": "1.1 proxy", "content-length": "0"}


async def test_the_last_ones_are_kept_the_latest_first(server, clients):
    """Of more than the limit, the oldest is dropped."""
    client = clients(keys={})
    request = request_for(server.url)
    for _ in range(MOST + 1):
        with pytest.raises(ProblemError):
            await client.fetch(request)
    kept = client.negotiations.of(request)
    assert len(kept) == MOST
    assert [it.time for it in kept] == sorted((it.time for it in kept), reverse=True)


async def test_a_new_key_continues_the_list_of_its_account(server, clients, keys):
    """What was negotiated with the former certificate stays visible beside the new one."""
    signer = keys["acme"].signer
    client = clients(keys={"old": SigningKey(signer, sha256=bytes(32)), "new": SigningKey(signer, sha256=b"\x01" * 32)})
    request = request_for(server.url)
    for digest in ("old", "new"):
        await client.fetch(replace(request, key_digest=digest))
    assert [it.certificate[:2] for it in client.negotiations.of(request)] == ["01", "00"]


async def test_accounts_that_are_gone_are_forgotten(server, clients):
    """A reload that drops an account drops its negotiations."""
    client = clients()
    stays, goes = request_for(server.url), replace(request_for(server.url), client_id="another")
    for request in (stays, goes):
        await client.fetch(request)
    client.negotiations.retain([stays])
    assert (len(client.negotiations.of(stays)), client.negotiations.of(goes)) == (1, ())


async def test_a_second_assertion_is_a_negotiation_of_its_own(server, clients):
    """Where the clock was wrong, both assertions are there with the offset that each was made with."""
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=40), usegmt=True)
    server.answers.append(TokenServer.refusal(Date=date))
    client = clients()
    request = request_for(server.url)
    await client.fetch(request)
    granted, refused = client.negotiations.of(request)
    assert (granted.result, refused.result, refused.clock_offset) == ("granted", "token-refused", 0.0)
    assert granted.clock_offset > 0
