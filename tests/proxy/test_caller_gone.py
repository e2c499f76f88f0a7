"""Callers that go: what was not sent is not sent, and the fate of what was is known."""

from __future__ import annotations

import asyncio

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from tests.support.raw_http import OK, REFUSED_TOKEN, get, ok, post
from tests.support.waiting import eventually

CHANGING = ["POST", "PUT", "PATCH", "DELETE"]


async def open_exchange(rig, request):
    """Send a request and give the caller and the API's connection, the request read."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(request)
    connection = await rig.api.connection()
    await connection.request()
    return caller, connection


async def test_nothing_is_sent_for_a_caller_that_went_while_a_token_was_awaited(rig):
    """A declaration whose sender has given up is not made behind his back."""
    rig.api.by_hand()
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(post(b"declaration"))
    await rig.tokens.asked.wait()
    caller.reset()
    record = await rig.records.next()
    assert (record.outcome, record.status, record.attempts, record.received) == ("caller-gone", 0, 0, 11)
    rig.tokens.gate.set()
    await eventually(lambda: rig.running == 0 and rig.gateway.tokens.snapshots()[0].state == "fresh")
    assert rig.api.opened == 0


async def test_nothing_is_sent_for_a_caller_that_went_while_a_connection_was_opened(start):
    """The same while the TLS handshake runs: the attempt is given up, and its place in the pool is free again."""
    rig = await start(api_tls=None)
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(post(b"declaration"))
    connection = await rig.api.connection()
    assert rig.pool.opening == 1
    caller.reset()
    record = await rig.records.next()
    assert (record.outcome, record.attempts) == ("caller-gone", 0)
    assert b"declaration" not in await connection.stream.rest()
    assert (rig.running, rig.pool.opening, rig.pool.busy) == (0, 0, 0)


async def test_a_reset_that_nobody_has_read_yet_is_noticed(rig):
    """The caller pipelines so much that reading has stopped, and resets: still nothing is sent."""
    rig.api.by_hand()
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(post(b"declaration") + get())
    await rig.tokens.asked.wait()
    await caller.fill(get() * 10_000)
    caller.reset()
    rig.tokens.gate.set()
    record = await rig.records.next()
    assert (record.outcome, record.attempts, record.method) == ("caller-gone", 0, b"POST")
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)


async def test_a_caller_that_closed_while_it_was_held(rig):
    """The gateway does not read from it, so it answers into the void: that is no fault of anybody's, and it ends."""
    loop = asyncio.get_running_loop()
    faults = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    rig.tokens.gate.clear()
    rig.tokens.failures.append(ProblemError("token-refused", Text("The credentials were refused.")))
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Content-Length: 900000", method="POST") + bytes(300_000))
    await rig.tokens.asked.wait()
    await eventually(lambda: any(it._paused for it in rig.connections))
    caller.close()
    rig.tokens.gate.set()
    record = await rig.records.next()
    assert (record.attempts, record.outcome) in {(0, "not-sent"), (0, "caller-gone")}
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)
    assert faults == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_complete_get_is_cancelled(rig, method):
    """Nobody waits for what changes nothing: the API's connection is ended at once."""
    caller, connection = await open_exchange(rig, get(method=method))
    caller.reset()
    assert await connection.ended()
    record = await rig.records.next()
    assert (record.outcome, record.status, record.attempts) == ("caller-gone", 0, 1)
    await eventually(lambda: rig.pool.busy == 0)


@pytest.mark.parametrize("method", CHANGING)
async def test_a_complete_change_is_followed_to_its_end(rig, method):
    """The answer is read and recorded with its status, and the connection is used again."""
    caller, connection = await open_exchange(rig, post(b"declaration", method=method))
    caller.reset()
    await eventually(lambda: len(rig.orphans) == 1)
    assert rig.running == 1
    await connection.send(ok(b"accepted", status="201 Created"))
    record = await rig.records.next()
    assert (record.outcome, record.status, record.origin, record.sent) == ("caller-gone", 201, "upstream", 8)
    assert (rig.running, rig.pool.idle) == (0, 1)


async def test_a_followed_change_whose_api_dies_is_recorded_as_unknown(rig):
    """No status is claimed where none came."""
    caller, connection = await open_exchange(rig, post(b"declaration"))
    caller.reset()
    await eventually(lambda: rig.orphans)
    connection.cut()
    record = await rig.records.next()
    assert (record.outcome, record.status, record.code) == ("caller-gone", 0, "api-closed")
    assert rig.running == 0


async def test_a_followed_change_has_its_deadline(start):
    """An API that never answers an orphan does not keep it for ever."""
    rig = await start(gateway="[gateway.timeouts]\nfirst_byte = 30")
    caller, connection = await open_exchange(rig, post(b"declaration"))
    caller.reset()
    await eventually(lambda: rig.orphans)
    await eventually(lambda: all(exchange._progress is not None for exchange in rig.orphans))
    rig.clock.advance(31)
    record = await rig.records.next()
    assert (record.outcome, record.code) == ("caller-gone", "api-timeout")
    assert await connection.ended()


async def test_a_followed_change_that_is_refused_for_its_token_is_not_sent_again(rig):
    """Nobody is there to want it: the 401 is its fate."""
    caller, connection = await open_exchange(rig, post(b"declaration"))
    caller.reset()
    await eventually(lambda: rig.orphans)
    await connection.send(REFUSED_TOKEN)
    record = await rig.records.next()
    assert (record.outcome, record.status, record.attempts) == ("caller-gone", 401, 1)
    assert (rig.running, rig.api.unasked()) == (0, 0)


async def test_the_status_of_a_first_attempt_is_not_the_fate_of_the_second(rig):
    """A change whose second attempt had no answer is in doubt: the 401 of the first one does not tell its fate."""
    caller, connection = await open_exchange(rig, post(b"declaration", method="MERGE"))
    await connection.send(REFUSED_TOKEN)
    second = await rig.api.connection()
    await second.request()
    caller.reset()
    record = await rig.records.next()
    assert (record.outcome, record.status, record.attempts) == ("caller-gone", 0, 2)
    assert record.refused is not None
    assert record.refused.status == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("end", ["fin", "reset"])
async def test_a_caller_that_goes_within_its_body(rig, method, end):
    """An incomplete request is ended towards the API, which cannot take it for whole."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Content-Length: 8", method=method) + b"half")
    connection = await rig.api.connection()
    await connection.head()
    assert await connection.stream.exactly(4) == b"half"
    getattr(caller, end)()
    assert await connection.ended()
    record = await rig.records.next()
    assert (record.outcome, record.received, record.attempts) == ("caller-gone", 4, 1)
    assert rig.running == 0


async def test_a_fin_within_a_chunked_body_sends_no_last_chunk(rig):
    """The gateway never makes a cut body whole."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Transfer-Encoding: chunked", method="POST") + b"4\r\nhalf\r\n")
    connection = await rig.api.connection()
    await connection.head()
    await connection.stream.until(b"half\r\n")
    caller.fin()
    assert await connection.ended()


async def test_a_fin_before_the_body_is_taken_sends_nothing(rig):
    """FIN within a body while the token is awaited: no byte is written."""
    rig.api.by_hand()
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Content-Length: 8", method="POST") + b"half")
    await rig.tokens.asked.wait()
    caller.fin()
    assert (await rig.records.next()).attempts == 0
    rig.tokens.gate.set()
    assert await caller.ended()
    assert rig.api.opened == 0


async def test_a_caller_that_goes_during_the_answer_of_a_get(rig):
    """The rest of the answer is not fetched."""
    caller, connection = await open_exchange(rig, get())
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nbegin")
    await caller.stream.until(b"begin")
    caller.reset()
    assert await connection.ended()
    record = await rig.records.next()
    assert (record.outcome, record.status, record.sent) == ("caller-gone", 200, 5)


async def test_a_caller_that_goes_during_the_answer_of_a_post(rig):
    """The answer of a change is read to its end, and its status recorded."""
    caller, connection = await open_exchange(rig, post(b"declaration"))
    await connection.send(b"HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\nhalf")
    await caller.stream.until(b"half")
    caller.reset()
    await eventually(lambda: rig.orphans)
    await connection.send(b"rest")
    record = await rig.records.next()
    assert (record.outcome, record.status) == ("caller-gone", 201)
    assert rig.pool.idle == 1


async def test_a_caller_that_goes_after_its_answer_has_no_second_record(rig):
    """An exchange ends once."""
    caller = await rig.caller()
    await caller.send(get())
    await caller.answer()
    caller.reset()
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)
    assert (await rig.records.next()).outcome == "answered"
    assert rig.records.empty()


async def test_a_caller_that_goes_within_its_head_is_no_exchange(rig):
    """There is nothing to record of a connection that never made a request."""
    caller = await rig.caller()
    await caller.send(b"POST /employer/REST/x HTTP/1.1\r\nHost: loc")
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 1)
    caller.fin()
    assert await caller.ended()
    assert rig.records.empty()


async def test_what_was_pipelined_behind_is_dropped_with_its_caller(rig):
    """A request whose turn had not come is never sent."""
    caller, connection = await open_exchange(rig, post(b"first") + post(b"second"))
    caller.reset()
    await connection.send(OK)
    assert (await rig.records.next()).method == b"POST"
    await eventually(lambda: rig.running == 0)
    assert (connection.stream.buffer, rig.api.opened, rig.records.empty()) == (b"", 1, True)
