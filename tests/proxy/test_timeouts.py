"""Every phase has a deadline; time is moved by hand, and the sweep runs often."""

from __future__ import annotations

import pytest

from tests.support.raw_caller import send_quietly
from tests.support.raw_http import OK, TruncatedError, get, ok, post
from tests.support.waiting import eventually

BIG = bytes(20_000_000)
FAR = 86_400


def limits(**seconds):
    """Write `[gateway.timeouts]`: far away but for those given."""
    return "[gateway.timeouts]\n" + "\n".join(f"{name} = {value}" for name, value in seconds.items())


@pytest.mark.parametrize("begun", [b"G", b"GET /employer/REST/x HTTP/1.1\r\nHost: local", b"\r\nGET"])
async def test_a_head_that_does_not_end(start, begun):
    """408 and the end of the connection."""
    rig = await start(gateway=limits(head=10))
    caller = await rig.caller()
    await caller.send(begun)
    await eventually(lambda: any(it._buffer for it in rig.connections))
    rig.clock.advance(9)
    await rig.swept()
    assert caller.stream.buffer == b""
    rig.clock.advance(2)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.value("Connection")) == (408, "request-timeout", b"close")
    assert answer.problem["delivery"] == "not-sent"
    assert await caller.ended()
    assert (await rig.records.next()).seconds >= 11.0


async def read_of_head(rig, number):
    """Wait until the gateway has read so many bytes of a head."""
    await eventually(lambda: [len(it._buffer) for it in rig.connections] == [number])


async def test_a_head_that_trickles_is_not_given_more_time(start):
    """The deadline counts from the first byte, not from the last one (slowloris)."""
    rig = await start(gateway=limits(head=1000))
    caller = await rig.caller()
    for number, byte in enumerate(b"GET /", 1):
        await caller.send(bytes([byte]))
        await read_of_head(rig, number)
        rig.clock.advance(100)
    rig.clock.advance(600)
    assert (await caller.answer()).status == 408


@pytest.mark.parametrize("used", [False, True])
async def test_an_idle_connection_is_closed_without_a_word(start, used):
    """Fresh or used: a 408 on an idle connection would be taken for an answer."""
    rig = await start(gateway=limits(idle=30))
    caller = await rig.caller()
    if used:
        await caller.send(get())
        await caller.answer()
    await eventually(lambda: rig.connections)
    rig.clock.advance(29)
    await rig.swept()
    assert rig.connections
    rig.clock.advance(2)
    assert await caller.stream.rest() == b""


async def test_a_caller_that_never_takes_its_last_answer_is_dropped(start):
    """No exchange runs, but bytes wait for the caller: they do not wait for ever."""
    rig = await start(gateway=limits(idle=30, write_stall=1000))
    rig.api.answer = lambda request: ok(bytes(40_000))
    caller = await rig.caller()
    caller.narrow()
    await caller.send(get() * 400)
    await eventually(lambda: rig.connections)
    (connection,) = rig.connections
    await eventually(lambda: connection.exchange is None and connection.transport.get_write_buffer_size() > 65_536)
    rig.clock.advance(31)
    await eventually(lambda: not rig.connections)
    assert len(rig.api.requests) < 400


async def test_an_api_that_does_not_begin_to_answer(start):
    """504 api-timeout with delivery unknown; its connection is not used again, the caller's is."""
    rig = await start(gateway=limits(first_byte=10))
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(post(b"{}"))
    connection = await rig.api.connection()
    await connection.request()
    await rig.swept()
    rig.clock.advance(9)
    await rig.swept()
    assert rig.running == 1
    rig.clock.advance(2)
    answer = await caller.answer()
    assert (answer.status, answer.code) == (504, "api-timeout")
    assert (answer.problem["origin"], answer.problem["delivery"]) == ("network", "unknown")
    assert await connection.ended()
    assert (await rig.records.next()).outcome == "unknown"
    rig.api.answer = lambda request: OK
    await caller.send(get())
    assert (await caller.answer()).status == 200


async def test_an_interim_answer_does_not_buy_an_api_time(start):
    """What is awaited is the final answer."""
    rig = await start(gateway=limits(first_byte=10))
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await rig.swept()
    rig.clock.advance(6)
    await connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    assert (await caller.answer()).status == 103
    rig.clock.advance(6)
    assert (await caller.answer()).code == "api-timeout"


async def test_an_api_that_stops_in_mid_answer(start):
    """The connection is cut: a half-sent body gets neither an end nor a text of ours."""
    rig = await start(gateway=limits(write_stall=10))
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
    await caller.stream.until(b"half")
    await rig.swept()
    rig.clock.advance(11)
    assert await caller.stream.rest() == b""
    record = await rig.records.next()
    assert (record.outcome, record.code, record.status) == ("truncated", "api-timeout", 200)
    assert await connection.ended()


async def test_a_slow_answer_that_keeps_coming_is_let_be(start):
    """A stall is a time without any byte, not a long answer."""
    rig = await start(gateway=limits(write_stall=10, first_byte=10))
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
    for byte in b"slowly":
        await connection.send(bytes([byte]))
        await caller.stream.until(bytes([byte]))
        await rig.swept()
        rig.clock.advance(8)
    assert (await rig.records.next()).outcome == "answered"


async def test_a_caller_that_stops_in_mid_body(start):
    """408; the API's side is ended, so that it cannot take the half for the whole."""
    rig = await start(gateway=limits(write_stall=10))
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Content-Length: 8", method="POST") + b"half")
    connection = await rig.api.connection()
    await connection.head()
    await rig.swept()
    rig.clock.advance(11)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (408, "request-timeout", "unknown")
    assert answer.value("Connection") == b"close"
    assert await connection.stream.exactly(4) == b"half"
    assert await connection.ended()


async def test_an_api_that_takes_no_bytes(start):
    """504 api-timeout; the caller's rest is thrown away."""
    rig = await start(gateway=limits(write_stall=10, exchange=FAR))
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", f"Content-Length: {len(BIG)}", method="POST"))
    connection = await rig.api.connection()
    await connection.head()
    connection.take_nothing()
    sending = rig.gateway.server.connections.spawn(send_quietly(caller, BIG))
    await eventually(lambda: any(it.throttled for it in rig.connections))
    answer = await rig.overdue(11, caller.answer())
    assert (answer.code, "took no byte of the body for 10 s" in answer.problem["detail"]) == ("api-timeout", True)
    await sending


async def test_a_caller_that_takes_no_bytes(start):
    """It is dropped without a word, and the API's connection with it."""
    rig = await start(gateway=limits(write_stall=10, exchange=FAR))
    rig.api.answer = lambda request: ok(BIG)
    caller = await rig.caller()
    caller.narrow()
    await caller.send(get())
    await eventually(lambda: rig.running and rig.held_back)
    record = await rig.overdue(11, rig.records.next())
    assert (record.outcome, record.status) == ("caller-gone", 200)
    assert (rig.pool.busy, rig.pool.idle) == (0, 0)
    with pytest.raises((TruncatedError, ConnectionResetError)):
        await caller.answer()


async def test_a_whole_exchange(start):
    """However busy it is, an exchange ends: before the answer with 504, within it with a cut."""
    rig = await start(gateway=limits(exchange=100, first_byte=1000, write_stall=1000))
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    rig.clock.advance(101)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (504, "api-timeout", "unknown")


async def test_a_whole_exchange_that_waits_for_a_connection(start):
    """Where nothing was sent, 503 overloaded says so."""
    rig = await start(gateway=limits(exchange=100) + "\n[gateway.pool]\nconnections = 1\nqueue_seconds = 1000")
    rig.api.by_hand()
    first, second = await rig.caller(), await rig.caller()
    await first.send(get())
    await rig.api.connection()
    await second.send(post(b"{}"))
    await eventually(lambda: rig.pool.waiting == 1)
    rig.clock.advance(101)
    answer = await second.answer()
    assert (answer.code, answer.problem["delivery"]) == ("overloaded", "not-sent")
    assert (await first.answer()).code == "api-timeout"
    assert rig.pool.waiting == 0
