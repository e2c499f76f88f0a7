"""`fla-gateway run` with callers: who is let in as a whole process, and what it says and keeps of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from hashlib import sha256

import pytest

from tests.observe.collectors import collecting
from tests.support.cluster import AUDIENCE, ISSUER, claims, jwk, jwks, sign
from tests.support.keys import make_rsa
from tests.support.raw_http import get, post
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

KEY = "flagw_" + "0123456789abcdef" * 4


@pytest.fixture
def begin(begin):
    """Start gateways with a unix socket as well, and wait until they serve."""

    async def start(more):
        process = await begin(listen='["127.0.0.1:0", "unix:gateway.sock"]', more=more)
        await process.event("ready")
        return process

    return start


def over_unix(path, raw):
    """Send a request on a unix socket and read what comes until the gateway closes."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(path))
        sock.sendall(raw)
        return b"".join(iter(lambda: sock.recv(65_536), b""))


async def test_a_process_behind_a_unix_socket_is_known_by_its_user(begin, tmp_path):
    """SO_PEERCRED proves the caller without any credential; on TCP the same program is a stranger."""
    process = await begin(f'[callers.local]\nuid = {os.geteuid()}\nallow = {{ employer = ["GET /REST/**"] }}')
    raw = get("/employer/REST/x", "Connection: close")
    answer = await asyncio.to_thread(over_unix, tmp_path / "gateway.sock", raw)
    assert answer.startswith(b"HTTP/1.1 200 ")
    refused = await process.call(get("/employer/REST/x"))
    assert (refused.status, refused.code) == (401, "credentials-missing")
    assert (await process.event("caller"))["proofs"] == ["uid"]
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert [line["caller"] for line in process.requests] == ["local", ""]


async def test_user_and_key_are_both_needed_where_both_are_configured(begin, tmp_path):
    """Either alone proves nothing."""
    digest = sha256(KEY.encode()).hexdigest()
    process = await begin(
        f'[callers.local]\nuid = {os.geteuid()}\nkeys = [{{ sha256 = "{digest}" }}]\n'
        'allow = { employer = ["GET /REST/**"] }'
    )
    with_key = get("/employer/REST/x", "Connection: close", f"X-Api-Key: {KEY}")
    without = get("/employer/REST/x", "Connection: close")
    sock = tmp_path / "gateway.sock"
    assert (await asyncio.to_thread(over_unix, sock, with_key)).startswith(b"HTTP/1.1 200 ")
    assert (await asyncio.to_thread(over_unix, sock, without)).startswith(b"HTTP/1.1 401 ")
    assert (await process.call(with_key)).status == 401


async def test_a_service_account_is_verified_off_line(begin, tmp_path):
    """A projected token of the cluster proves its service account; another's, or a foreign signature, does not."""
    (tmp_path / "jwks.json").write_bytes(jwks(jwk(make_rsa())))
    process = await begin(
        f'[kubernetes]\nissuer = "{ISSUER}"\naudience = "{AUDIENCE}"\njwks_file = "jwks.json"\n'
        '[callers.erp]\nservice_account = "payroll/erp"\nallow = { employer = ["GET /REST/**"] }'
    )
    now = int(time.time())
    times = {"iat": now, "nbf": now, "exp": now + 600}
    good = sign(claims(**times))
    other = sign(claims(**times, sub="system:serviceaccount:payroll:other"))
    forged = sign(claims(**times), make_rsa(3072))
    statuses = [
        (await process.call(get("/employer/REST/x", f"Authorization: Bearer {token}"))).status
        for token in (good, other, forged)
    ]
    assert statuses == [200, 401, 401]
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert good not in process.output


async def test_the_journal_is_kept_from_the_first_to_the_last(begin, tmp_path):
    """Start, intent, outcome and stop, under the ids of the request lines, in files for the owner alone."""
    process = await begin('anonymous = true\n[audit]\npath = "audit"')
    assert (await process.call(post(b"{}", "Fla-Gateway-Reference: klant 12"))).status == 200
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    (segment,) = (tmp_path / "audit").glob("*.jsonl")
    lines = [json.loads(line) for line in segment.read_text().splitlines()]
    assert [line["record"] for line in lines] == ["segment", "start", "account", "intent", "outcome", "stop"]
    account, intent, outcome = lines[2:5]
    assert {intent["id"], outcome["id"]} == {process.requests[0]["id"]}
    assert (account["profile"], intent["reference"], outcome["status"]) == ("employer", "klant 12", 200)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "audit").iterdir()} == {0o600}
    assert not process.events("no-journal")


async def test_spans_of_the_process_arrive_and_the_government_sees_no_trace(begin, government):
    """With [tracing] a call becomes spans under the caller's own trace; no field of tracing goes to the API."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with collecting() as collected:
        process = await begin(f'anonymous = true\n[tracing]\nendpoint = "{collected.endpoint}"')
        fields = (f"traceparent: 00-{trace}-b7ad6b7169203331-01", "tracestate: a=b", "baggage: c=d")
        assert (await process.call(get("/employer/REST/x", *fields))).status == 200
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    assert {span.trace_id.hex() for span in collected.spans} == {trace}
    (request,) = government.calls
    assert not {b"traceparent", b"tracestate", b"baggage"} & {name.lower() for name, _ in request.fields}


async def test_roots_that_change_before_the_first_span_neither_stop_calls_nor_spans(
    begin, tmp_path, authority, api_tls
):
    """The collector is verified by the roots that were read at the start; calls go on whatever the file holds now."""
    roots = authority.write_root(tmp_path, "corporate.pem")
    async with collecting(api_tls) as collected:
        tracing = f'[tracing]\nendpoint = "{collected.endpoint}"\n[egress]\nca_file = "{roots}"'
        process = await begin(f"anonymous = true\n{tracing}")
        await process.event("ready")
        roots.write_text("no longer a certificate")
        for _ in range(2):
            assert (await process.call(get("/employer/REST/x"))).status == 200
            async with asyncio.timeout(PATIENCE):
                await collected.arrived.wait()
            collected.arrived.clear()
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    assert collected.spans
    assert not process.events("tracing-failed")
    assert not process.events("traces-undelivered")


async def test_without_callers_it_is_said_loudly_that_anybody_may_call(begin):
    """Once at the start, as a warning, with the table that would change it; the same about the journal."""
    process = await begin("")
    warning = (await process.event("anonymous"))["warning"]
    assert "acts as the employer" in warning
    assert "[callers]" in warning
    assert "[audit]" in (await process.event("no-journal"))["warning"]


async def test_nobody_can_make_up_a_series_of_metrics(begin):
    """Whatever strangers and callers put into a request, metrics get no label of it: their number stays what it is."""
    digest = sha256(KEY.encode()).hexdigest()
    process = await begin(
        f'[callers.payroll]\nkeys = [{{ sha256 = "{digest}" }}]\nallow = {{ employer = ["GET /REST/known/**"] }}'
    )

    async def series(word):
        for fields in ((), (f"X-Api-Key: {KEY}",), ("X-Api-Key: flagw_" + "0" * 64,), (f"Host: {word}",)):
            for path in (f"/{word}/REST/x", f"/employer/REST/{word}/x", f"/employer/REST/known/{word}"):
                for method in ("GET", word):
                    own = [] if "Host" in "".join(fields) else ["Host: localhost"]
                    await process.call("\r\n".join([f"{method} {path} HTTP/1.1", *own, *fields, "", ""]).encode())
        text = (await process.admin("/metrics")).body.decode()
        return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}

    first = await series("madeup1")
    assert await series("madeup2") == first
    assert not [line for line in first if "madeup" in line]
