"""APIs that go, and the two kinds of request that meet a connection which is already dead."""

from __future__ import annotations

import pytest

from tests.support.demanding_server import demanding_server
from tests.support.raw_http import OK, get, post
from tests.support.waiting import eventually


async def pooled(rig):
    """Make one exchange and give the idle connection that it leaves."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/first"))
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(OK)
    await caller.answer()
    await rig.records.next()
    return caller, connection


@pytest.mark.parametrize("end", ["close", "cut", "reset"])
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nContent-Le"])
@pytest.mark.parametrize("request_", [get(), post(b"{}")], ids=["get", "post"])
async def test_an_api_that_ends_before_its_head_is_whole(rig, end, said, request_):
    """502 with delivery unknown, for GET as well, which alone may be sent again; the caller's connection stays."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(request_)
    connection = await rig.api.connection()
    await connection.request()
    if said:
        await connection.send(said)
    getattr(connection, end)()
    answer = await caller.answer()
    assert (answer.status, answer.code) == (502, "api-closed")
    assert (answer.problem["delivery"], answer.problem["retryable"]) == ("unknown", request_.startswith(b"GET"))
    record = await rig.records.next()
    assert (record.outcome, record.origin, record.attempts) == ("unknown", "network", 1)
    assert rig.api.unasked() == 0
    rig.api.answer = lambda request: OK
    await caller.send(get())
    assert (await caller.answer()).body == b"ok"


async def test_an_api_that_demands_a_certificate_is_named(start, authority, tmp_path):
    """TLS 1.3 says so after the handshake, when the request may have left or not; in either case the words lead on."""
    with demanding_server(authority.server_context(tmp_path)) as port:
        rig = await start(api_port=port)
        answer = await rig.call(post(b"{}"))
    assert (answer.code, answer.problem["delivery"]) in {("api-closed", "unknown"), ("api-unreachable", "not-sent")}
    assert "with an error of TLS (tlsv13 alert certificate required)" in answer.problem["detail"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_get_on_a_dead_connection_is_sent_once_more(rig, method):
    """A reused connection that dies before any byte of the answer costs a GET nothing but time."""
    caller, old = await pooled(rig)
    await caller.send(get("/employer/REST/second?a=b", "X: 1", method=method))
    await old.request()
    old.reset()
    connection = await rig.api.connection()
    request = await connection.request()
    assert (request.line, request.value("X")) == (f"{method} /REST/second?a=b HTTP/1.1".encode(), b"1")
    await connection.send(OK if method == "GET" else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    assert (await caller.answer(method)).status == 200
    assert (await rig.records.next()).attempts == 2


async def test_a_get_is_sent_twice_at_most(rig):
    """The second death is told."""
    caller, old = await pooled(rig)
    await caller.send(get())
    await old.request()
    old.reset()
    fresh = await rig.api.connection()
    await fresh.request()
    fresh.reset()
    assert (await caller.answer()).code == "api-closed"
    assert (await rig.records.next()).attempts == 2
    assert rig.api.unasked() == 0


async def test_a_get_is_not_sent_again_once_a_byte_has_come(rig):
    """An answer that had begun may have been acted upon."""
    caller, old = await pooled(rig)
    await caller.send(get())
    await old.request()
    await old.send(b"HTTP/1.1 2")
    old.cut()
    assert (await caller.answer()).code == "api-closed"
    assert rig.api.unasked() == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_any_other_method_on_a_dead_connection_is_not_sent_again(rig, method):
    """Whether a declaration was taken is not known, so it is said, not guessed."""
    caller, old = await pooled(rig)
    await caller.send(post(b"declaration", method=method))
    await old.request()
    old.reset()
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (502, "api-closed", "unknown")
    assert (rig.api.opened, rig.api.unasked()) == (1, 0)


async def test_a_get_whose_body_was_not_kept_is_not_sent_again(start):
    """What cannot be sent wholly the same is not sent twice."""
    rig = await start(gateway="replay_limit = 4")
    caller, old = await pooled(rig)
    await caller.send(post(b"longer", method="GET"))
    await old.request()
    old.reset()
    assert (await caller.answer()).code == "api-closed"


async def test_a_get_with_its_body_is_sent_again_with_the_same_bytes(rig):
    """The kept body is the body."""
    caller, old = await pooled(rig)
    await caller.send(post(b"query", method="GET"))
    await old.request()
    old.reset()
    connection = await rig.api.connection()
    assert (await connection.request()).body == b"query"


async def test_an_idle_connection_that_the_api_closes_leaves_the_pool(rig):
    """Nobody is sent on it afterwards."""
    _, connection = await pooled(rig)
    assert rig.pool.idle == 1
    connection.close()
    await eventually(lambda: rig.pool.idle == 0)
    rig.api.answer = lambda request: OK
    assert (await rig.call(post(b"{}"))).status == 200
    assert rig.api.opened == 2


@pytest.mark.parametrize(
    "bytes_",
    [
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary",
        b"x",
    ],
)
async def test_bytes_on_an_idle_connection_never_become_an_answer(rig, bytes_):
    """An answer to nothing ends its connection."""
    caller, connection = await pooled(rig)
    await connection.send(bytes_)
    assert await connection.ended()
    assert rig.pool.idle == 0
    rig.api.answer = lambda request: OK
    await caller.send(get())
    assert (await caller.answer()).body == b"ok"
    assert rig.api.opened == 2


async def test_bytes_behind_an_answer_never_become_the_next_answer(rig):
    """What a server sends in one piece with its answer, but beyond its end, ends the connection."""
    rig.api.answer = lambda request: OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary"
    caller = await rig.caller()
    for _ in range(3):
        await caller.send(get())
        assert (await caller.answer()).body == b"ok"
    assert rig.api.opened == 3


async def test_an_answer_before_the_request_never_is_one(rig):
    """A server that speaks first on a fresh connection is not believed."""
    caller, connection = await pooled(rig)
    connection.close()
    await eventually(lambda: rig.pool.idle == 0)
    await caller.send(post(b"{}"))
    fresh = await rig.api.connection()
    await fresh.request()
    await fresh.send(OK)
    assert (await caller.answer()).body == b"ok"


async def test_a_post_travels_on_a_connection_that_was_just_used(rig):
    """Within changing_idle_seconds (2 by default) a connection is good enough for a declaration."""
    await pooled(rig)
    rig.clock.advance(1.5)
    rig.api.answer = lambda request: OK
    caller = await rig.caller()
    await caller.send(post(b"{}"))
    await eventually(lambda: rig.pool.busy == 1)
    assert rig.api.opened == 1


async def test_a_post_does_not_travel_on_a_connection_that_was_idle_for_longer(rig):
    """The API may be about to close it; GET still uses it."""
    await pooled(rig)
    rig.clock.advance(2.5)
    rig.api.answer = lambda request: OK
    assert (await rig.call(post(b"{}"))).status == 200
    assert (rig.api.opened, rig.pool.idle) == (2, 2)
    rig.clock.advance(2.5)
    caller = await rig.caller()
    await caller.send(get())
    await eventually(lambda: rig.pool.busy == 1 or rig.pool.reused == 1)
    assert rig.api.opened == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 200 OK\nX: 1\n\n",
        b"HTTP/1.1 200 OK\r\nBad Name\r\n\r\n", b"HTTP/1.1 200 OK\r\nLocation: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, b"SSH-2.0-OpenSSH_9\r\n\r\n", b"\x16\x03\x01\x00\r\n\r\n",
    ],
)  # fmt: skip
async def test_an_answer_that_is_malformed(rig, answer):
    """502 with delivery unknown, and the connection is not used again; one mistake of an API is no end of ours."""
    rig.api.answer = lambda request: answer
    found = await rig.call(post(b"{}"))
    assert (found.status, found.code, found.problem["delivery"]) == (502, "api-malformed", "unknown")
    assert (rig.pool.idle, rig.pool.busy) == (0, 0)
