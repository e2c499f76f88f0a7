"""Interim answers, expectations, and answers that come before the request has ended."""

from __future__ import annotations

import pytest

from tests.support.raw_http import OK, get, ok, post
from tests.support.waiting import eventually

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nFla-Gateway-Origin: x\r\nConnection: close\r\n\r\n"
EXPECTING = get("/employer/REST/x", "Content-Length: 4", "Expect: 100-continue", method="POST")


async def test_103_is_forwarded(rig):
    """An interim answer reaches an HTTP/1.1 caller before the final one, end-to-end fields only."""
    rig.api.answer = lambda request: HINTS + b"HTTP/1.1 199 Odd\r\n\r\n" + OK
    caller = await rig.caller()
    await caller.send(get())
    first, second, final = [await caller.answer() for _ in range(3)]
    assert (first.status, first.fields) == (103, [(b"Link", b"</a>; rel=preload")])
    assert (second.status, final.status, final.body) == (199, 200, b"ok")
    await caller.send(get())
    assert (await caller.answer()).status == 103


async def test_103_is_not_forwarded_to_http_1_0(rig):
    """RFC 9110, section 15.2: HTTP/1.0 knows no interim answers."""
    rig.api.answer = lambda request: HINTS + OK
    assert (await rig.call(get(minor=0))).status == 200


async def test_a_100_of_the_api_concerns_nobody(rig):
    """The gateway has answered the expectation itself; a caller that had none must not see a 100 either."""
    rig.api.answer = lambda request: b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK
    assert (await rig.call(get())).status == 200


async def test_interim_answers_that_arrive_apart(rig):
    """An interim answer is passed on when it comes, not when the final one does."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(HINTS)
    assert (await caller.answer()).status == 103
    await connection.send(OK)
    assert (await caller.answer()).body == b"ok"


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", HINTS * 700 + OK],
    ids=["101", "64 KiB"],
)
async def test_an_api_that_switches_or_never_comes_to_the_point(rig, answer):
    """Nobody asked for another protocol, and interim answers are bounded: 502."""
    rig.api.answer = lambda request: answer
    caller = await rig.caller()
    await caller.send(get())
    found = await caller.answer()
    while found.status < 200:
        found = await caller.answer()
    assert (found.status, found.code) == (502, "api-malformed")


async def test_an_offer_of_another_protocol_is_served_as_http_1_1(rig):
    """Java clients offer h2c with every request; the offer ends here."""
    fields = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    assert (await rig.call(get("/employer/REST/x", *fields))).body == b"ok"
    (request,) = rig.api.requests
    assert not {b"upgrade", b"http2-settings", b"connection"} & {name.lower() for name, _ in request.fields}


async def test_the_gateway_answers_the_expectation_itself(rig):
    """100 comes once token and connection are ready, without waiting for the API; Expect is not forwarded."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(EXPECTING)
    assert (await caller.answer()).status == 100
    await caller.send(b"body")
    connection = await rig.api.connection()
    request = await connection.request()
    assert (request.body, request.value("Expect")) == (b"body", None)
    await connection.send(OK)
    assert (await caller.answer()).body == b"ok"


async def test_no_100_before_there_is_a_connection(rig):
    """A caller that waits must not send a declaration that cannot be delivered."""
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(EXPECTING)
    await rig.tokens.asked.wait()
    assert caller.stream.buffer == b""
    rig.tokens.gate.set()
    assert (await caller.answer()).status == 100


async def test_a_body_that_comes_at_once_gets_no_100(rig):
    """RFC 9110, section 10.1.1: a server may omit 100 if it has received some of the body already."""
    caller = await rig.caller()
    await caller.send(EXPECTING + b"body")
    assert (await caller.answer()).status == 200


async def test_http_1_0_gets_no_100(rig):
    """An expectation of HTTP/1.0 is ignored."""
    raw = get("/employer/REST/x", "Content-Length: 4", "Expect: 100-continue", method="POST", minor=0)
    caller = await rig.caller()
    await caller.send(raw)
    await caller.send(b"body")
    assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (EXPECTING.replace(b"/employer/", b"/nobody/"), "unknown-profile"),
        (EXPECTING.replace(b"Host: localhost", b"Host: evil.example"), "wrong-host"),
        (EXPECTING.replace(b"100-continue", b"200-later"), "expectation-failed"),
    ],
)
async def test_a_refused_request_gets_no_100(rig, request_, code):
    """The refusal is the first and only answer, and the connection closes, since the body may still come."""
    caller = await rig.caller()
    await caller.send(request_)
    answer = await caller.answer()
    assert (answer.code, answer.value("Connection")) == (code, b"close")
    assert rig.api.opened == 0


@pytest.mark.parametrize("status", ["413 Content Too Large", "200 OK"])
async def test_an_answer_before_the_body_has_ended(rig, status):
    """It arrives whole although the caller is still sending, then the connection closes without destroying it."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Content-Length: 900000", method="POST") + bytes(1_000))
    connection = await rig.api.connection()
    await connection.head()
    await connection.send(ok(b"too large", status=status))
    for _ in range(8):
        await caller.send(bytes(100_000))
    answer = await caller.answer()
    assert (answer.body, answer.value("Connection")) == (b"too large", b"close")
    assert await caller.ended()
    assert await connection.ended() or connection.stream.buffer
    assert (await rig.records.next()).outcome == "answered"
    assert rig.pool.idle == 0


async def test_a_refusal_before_the_body_has_ended(rig):
    """A problem of the gateway's own reaches a caller that is still sending."""
    caller = await rig.caller()
    await caller.send(get("/nobody/REST/x", "Content-Length: 900000", method="POST"))
    for _ in range(8):
        await caller.send(bytes(100_000))
    answer = await caller.answer()
    assert (answer.code, answer.value("Connection")) == ("unknown-profile", b"close")
    assert await caller.ended()


async def test_the_body_of_a_refused_request_is_never_a_request(rig):
    """A whole body that looks like a request is consumed with the request that it belongs to."""
    caller = await rig.caller()
    await caller.send(post(get("/employer/REST/smuggled"), path="/nobody/REST/x"))
    assert (await caller.answer()).code == "unknown-profile"
    await caller.send(get("/employer/REST/next"))
    assert (await caller.answer()).status == 200
    assert [request.target for request in rig.api.requests] == [b"/REST/next"]


async def test_a_caller_that_never_stops_sending_is_cut_off(rig):
    """Lingering is bounded in time: whoever sends for longer is dropped."""
    caller = await rig.caller()
    await caller.send(get("/nobody/REST/x", "Content-Length: 900000", method="POST"))
    await caller.answer()
    assert await caller.ended()
    assert rig.gateway.server.connections.door_snapshot().connections == 1
    rig.clock.advance(11)
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)


async def test_a_caller_that_floods_after_the_answer_is_cut_off(rig):
    """Lingering is bounded in bytes."""
    caller = await rig.caller()
    await caller.send(get("/nobody/REST/x", "Content-Length: 900000000", method="POST"))
    await caller.answer()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        await caller.send(bytes(100_000_000))
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)
