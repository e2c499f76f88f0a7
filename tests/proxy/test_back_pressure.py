"""Peers that take nothing: memory stays bounded, and nobody else waits for them."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.raw_caller import send_quietly
from tests.support.raw_http import OK, get, ok, post
from tests.support.waiting import eventually

BIG = bytes(range(256)) * 80_000
"""20 MB."""
HELD = 3_000_000
"""What the gateway, TLS and the kernel's socket buffers may hold of it together on the way through."""


async def test_a_caller_that_does_not_read_stops_the_api(start):
    """Of a 20 MB answer, the API gets rid of no more than buffers hold; then all of it arrives whole."""
    rig = await start()
    rig.api.by_hand()
    caller = await rig.caller()
    caller.narrow()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    connection.writer.write(ok(BIG))
    await eventually(lambda: rig.connections and rig.held_back)
    assert _held_by_gateway(rig) <= HELD
    answer = await caller.answer()
    assert answer.body == BIG
    await eventually(lambda: rig.pool.idle == 1)


@pytest.mark.parametrize("framing", ["Content-Length: 20480000\r\nConnection: close", "X: until close"])
async def test_an_api_that_closes_behind_a_big_answer_loses_nothing_of_it(rig, framing):
    """The API has sent everything and is gone while the caller still reads: what was on its way arrives whole."""
    rig.api.by_hand()
    caller = await rig.caller()
    caller.narrow()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    connection.writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + BIG)
    connection.close()
    await eventually(lambda: rig.held_back)
    await _quiet(rig)
    assert _held_by_gateway(rig) <= HELD
    answer = await caller.answer()
    assert answer.body == BIG
    assert (await rig.records.next()).outcome == "answered"


async def test_the_pools_next_user_is_not_hung_by_one_who_did_not_read(rig):
    """A connection is never returned paused: the next exchange on it runs at once."""
    rig.api.answer = lambda request: ok(BIG) if b"/big" in request.target else OK
    slow = await rig.caller()
    slow.narrow()
    await slow.send(get("/employer/REST/big"))
    await eventually(lambda: rig.held_back)
    assert (await rig.call(get())).body == b"ok"
    assert (await slow.answer()).body == BIG
    await eventually(lambda: rig.pool.busy == 0)
    assert rig.pool.idle == 2
    callers = [await rig.caller() for _ in range(2)]
    for caller in callers:
        await caller.send(get())
    assert [(await caller.answer()).body for caller in callers] == [b"ok", b"ok"]
    assert rig.api.opened == 2


async def test_a_connection_paused_at_the_very_end_of_an_answer_is_returned_reading(rig):
    """The last piece of an answer may be the one that stops the caller's side."""
    rig.api.answer = lambda request: ok(bytes(400_000)) if b"/big" in request.target else OK
    slow = await rig.caller()
    slow.narrow()
    await slow.send(get("/employer/REST/big"))
    await eventually(lambda: rig.pool.idle == 1 or rig.held_back)
    fast = await rig.caller()
    for _ in range(3):
        await fast.send(get())
        assert (await fast.answer()).body == b"ok"
    assert len((await slow.answer()).body) == 400_000


async def test_a_caller_that_pipelines_and_does_not_read_is_served_one_answer_at_a_time(rig):
    """Back-pressure outlives an exchange: the second answer is not fetched while the first is not taken."""
    rig.api.answer = lambda request: ok(bytes(600_000))
    caller = await rig.caller()
    caller.narrow()
    await caller.send(get() * 60)
    await eventually(lambda: _buffered(rig) > 0)
    await _quiet(rig)
    assert _held_by_gateway(rig) <= HELD
    assert len(rig.api.requests) < 10
    for _ in range(60):
        assert len((await caller.answer()).body) == 600_000


async def test_an_api_that_does_not_read_stops_the_caller(rig):
    """Of a 20 MB request, the caller gets rid of no more than buffers hold; then all of it arrives whole."""
    rig.api.by_hand()
    caller = await rig.caller()
    head = get("/employer/REST/x", f"Content-Length: {len(BIG)}", method="POST")
    await caller.send(head)
    connection = await rig.api.connection()
    connection.take_nothing()
    sending = rig.gateway.server.connections.spawn(caller.send(BIG))
    await eventually(lambda: any(it.throttled for it in rig.connections))
    await _quiet(rig)
    assert not sending.done()
    assert _held_by_gateway(rig) <= HELD
    connection.writer.transport.resume_reading()
    request = await connection.request()
    assert request.body == BIG
    await sending
    await connection.send(OK)
    assert (await caller.answer()).body == b"ok"


async def test_a_caller_that_half_closes_behind_a_big_body_loses_nothing_of_it(rig):
    """Its FIN waits in line behind what the API has not taken yet."""
    rig.api.by_hand()
    caller = await rig.caller()

    async def send_all():
        await caller.send(post(BIG))
        caller.fin()

    sending = rig.gateway.server.connections.spawn(send_all())
    connection = await rig.api.connection()
    connection.take_nothing()
    await eventually(lambda: any(it.throttled for it in rig.connections))
    connection.writer.transport.resume_reading()
    assert (await connection.request()).body == BIG
    await sending
    await connection.send(OK)
    assert (await caller.answer()).body == b"ok"
    assert await caller.ended()


async def test_an_early_answer_of_an_api_that_does_not_read(rig):
    """A connection that still holds unsent bytes is not used again, and the answer arrives."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", f"Content-Length: {len(BIG)}", method="POST"))
    connection = await rig.api.connection()
    await connection.head()
    connection.take_nothing()
    sending = rig.gateway.server.connections.spawn(send_quietly(caller, BIG))
    await eventually(lambda: any(it.throttled for it in rig.connections))
    await connection.send(ok(b"enough", status="413 Content Too Large"))
    answer = await caller.answer()
    assert (answer.status, answer.body) == (413, b"enough")
    await sending
    await eventually(lambda: (rig.pool.idle, rig.pool.busy) == (0, 0))


async def test_a_body_that_waits_for_a_token_is_bounded(rig):
    """While there is no connection to pass a body on to, no more than some reads of it are taken."""
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", f"Content-Length: {len(BIG)}", method="POST"))
    await rig.tokens.asked.wait()
    sending = rig.gateway.server.connections.spawn(caller.send(BIG))
    (connection,) = rig.connections
    await eventually(lambda: connection.exchange is not None and connection.exchange.request_body.received)
    await _quiet(rig)
    assert connection.exchange is not None
    assert 0 < connection.exchange.request_body.received <= 400_000
    rig.tokens.gate.set()
    await sending
    assert (await caller.answer()).body == b"ok"
    assert rig.api.requests[0].body == BIG


async def test_big_bodies_both_ways_on_one_connection(rig):
    """20 MB up and down, with and without a length, and small requests between them."""
    rig.api.answer = lambda request: ok(request.body)
    caller = await rig.caller()
    for _ in range(2):
        sending = rig.gateway.server.connections.spawn(caller.send(post(BIG) + get()))
        assert (await caller.answer()).body == BIG
        assert (await caller.answer()).body == b""
        await sending
    assert rig.api.opened == 1


def _buffered(rig):
    """Count the bytes that wait for callers."""
    return sum(it.transport.get_write_buffer_size() for it in rig.connections)


def _held_by_gateway(rig):
    """Count the bytes that wait in either direction, the API's TLS included."""
    exchanges = [it.exchange for it in rig.connections if it.exchange is not None]
    upstreams = [it._upstream for it in exchanges if it._upstream is not None]
    return _buffered(rig) + sum(it.transport.get_write_buffer_size() for it in upstreams)


async def _quiet(rig):
    """Wait until nothing moves any more."""
    before, still = None, 0
    while still < 10:
        await asyncio.sleep(0.005)
        now = (len(rig.api.requests), _buffered(rig), _held_by_gateway(rig))
        before, still = now, still + 1 if now == before else 0
