"""The limited number of connections to the API, and the queue for them."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.support.raw_http import OK, get, post
from tests.support.waiting import eventually

ONE = "[gateway.pool]\nconnections = 1\n"


async def occupied(rig):
    """Open an exchange that keeps the only connection busy; give its caller and the connection."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/first"))
    connection = await rig.api.connection()
    await connection.request()
    return caller, connection


async def waiting(rig, request, number=1):
    """Send a request that has to wait, and give its caller."""
    caller = await rig.caller()
    await caller.send(request)
    await eventually(lambda: rig.pool.waiting == number)
    return caller


async def test_a_request_waits_for_the_connection_in_use(start):
    """No more connections than the limit, and the one that waits goes next on the same connection."""
    rig = await start(gateway=ONE)
    first, connection = await occupied(rig)
    second = await waiting(rig, post(b"second"))
    await connection.send(OK)
    assert (await first.answer()).body == b"ok"
    assert (await connection.request()).body == b"second"
    await connection.send(OK)
    assert (await second.answer()).body == b"ok"
    assert (rig.api.opened, rig.pool.opened) == (1, 1)


async def test_the_queue_is_served_in_its_order(start):
    """Who came first goes first."""
    rig = await start(gateway=ONE)
    _, connection = await occupied(rig)
    for number in range(1, 6):
        await waiting(rig, get(f"/employer/REST/{number}"), number)
    await connection.send(OK)
    for number in range(1, 6):
        assert (await connection.request()).target == f"/REST/{number}".encode()
        await connection.send(OK)


async def test_who_waits_too_long_is_told_that_nothing_was_sent(start):
    """503 overloaded with Retry-After, retryable; the running exchange goes on."""
    rig = await start(gateway=ONE + "queue_seconds = 0.05")
    first, connection = await occupied(rig)
    answer = await rig.call(post(b"second"))
    assert (answer.status, answer.code, answer.value("Retry-After")) == (503, "overloaded", b"1")
    assert (answer.problem["delivery"], answer.problem["retryable"]) == ("not-sent", True)
    assert rig.pool.waiting == 0
    await connection.send(OK)
    assert (await first.answer()).body == b"ok"
    assert connection.stream.buffer == b""


async def test_the_queue_is_bounded(start):
    """One more than the queue holds is refused at once."""
    rig = await start(gateway=ONE + "queue = 2")
    await occupied(rig)
    for number in (1, 2):
        await waiting(rig, get(), number)
    answer = await rig.call(get())
    assert (answer.status, answer.code) == (503, "overloaded")
    assert rig.pool.waiting == 2


async def test_a_waiter_that_goes_gives_its_turn_away(start):
    """A caller that hangs up while it waits is skipped, and its request never sent."""
    rig = await start(gateway=ONE)
    _, connection = await occupied(rig)
    gone = await waiting(rig, post(b"gone"))
    stays = await waiting(rig, post(b"stays"), 2)
    gone.reset()
    await eventually(lambda: rig.pool.waiting == 1)
    await connection.send(OK)
    assert (await connection.request()).body == b"stays"
    await connection.send(OK)
    assert (await stays.answer()).status == 200


async def test_a_waiter_that_goes_as_its_turn_comes_loses_nobody_a_connection(start):
    """Between being served and being told, the connection goes on to the next in line."""
    rig = await start(gateway=ONE)
    first, connection = await occupied(rig)
    gone = await waiting(rig, post(b"gone"))
    stays = await waiting(rig, post(b"stays"), 2)
    gone.reset()
    await connection.send(OK)
    assert (await first.answer()).status == 200
    request = await connection.request()
    assert request.body == b"stays"
    await connection.send(OK)
    assert (await stays.answer()).status == 200


async def test_a_connection_that_dies_makes_room(start):
    """Who waits opens another one."""
    rig = await start(gateway=ONE)
    first, connection = await occupied(rig)
    second = await waiting(rig, post(b"second"))
    connection.reset()
    assert (await first.answer()).code == "api-closed"
    fresh = await rig.api.connection()
    assert (await fresh.request()).body == b"second"
    await fresh.send(OK)
    assert (await second.answer()).status == 200


async def test_an_old_idle_connection_makes_room_for_a_change(start):
    """At the limit, a POST that may not use the idle connection replaces it."""
    rig = await start(gateway=ONE)
    assert (await rig.call(get())).status == 200
    rig.clock.advance(3)
    assert (await rig.call(post(b"{}"))).status == 200
    await eventually(lambda: rig.pool.idle == 1)
    assert (rig.api.opened, rig.pool.busy) == (2, 0)


async def test_a_failed_opening_makes_room(start):
    """Every failure gives its place back, and is counted."""
    rig = await start(gateway=ONE, api_port=1)
    for _ in range(3):
        assert (await rig.call(get())).code == "api-unreachable"
    assert (rig.pool.failed, rig.pool.opening, rig.pool.busy) == (3, 0, 0)


async def test_a_connection_idle_for_too_long_is_closed(start):
    """With close_notify, so that the API need not wonder."""
    rig = await start(gateway="[gateway.pool]\nidle_seconds = 30")
    _, connection = await occupied(rig)
    await connection.send(OK)
    await eventually(lambda: rig.pool.idle == 1)
    rig.clock.advance(29)
    await rig.swept()
    assert rig.pool.idle == 1
    rig.clock.advance(2)
    assert await connection.stream.rest() == b""
    assert rig.pool.idle == 0


@pytest.mark.parametrize("idle", [True, False])
async def test_a_connection_that_is_too_old_is_closed(start, idle):
    """While idle at once, in use behind its exchange."""
    rig = await start(gateway="[gateway.pool]\nmax_age_seconds = 100\nidle_seconds = 1000")
    caller, connection = await occupied(rig)
    if idle:
        await connection.send(OK)
        await eventually(lambda: rig.pool.idle == 1)
    rig.clock.advance(101)
    if not idle:
        await connection.send(OK)
    assert (await caller.answer()).body == b"ok"
    assert await connection.stream.rest() == b""
    assert (rig.pool.idle, rig.pool.busy) == (0, 0)


async def test_many_callers_share_few_connections(start):
    """A hundred exchanges at once over four connections: all are answered, and the limit holds."""
    rig = await start(gateway="[gateway.pool]\nconnections = 4\n")
    callers = [await rig.caller() for _ in range(100)]
    for number, caller in enumerate(callers):
        await caller.send(post(b"%d" % number))
    rig.api.answer = lambda request: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(request.body), request.body)
    )
    bodies = [(await caller.answer()).body for caller in callers]
    assert bodies[10:] == [b"%d" % number for number in range(100)][10:]
    assert rig.api.opened <= 4
    assert (rig.pool.waiting, rig.pool.busy) == (0, 0)


async def test_the_numbers_of_the_pool(start):
    """What is idle, busy, opened and reused is what a metric says."""
    rig = await start()
    caller, connection = await occupied(rig)
    assert (rig.pool.busy, rig.pool.idle, rig.pool.opened, rig.pool.reused) == (1, 0, 1, 0)
    await connection.send(OK)
    await caller.answer()
    await caller.send(get())
    await connection.request()
    assert (rig.pool.busy, rig.pool.idle, rig.pool.opened, rig.pool.reused) == (1, 0, 1, 1)
    assert rig.pool.profile == "employer"


async def test_a_connection_given_up_at_any_moment_leaves_its_descriptor_to_nobody(rig):
    """Whoever gets the number next is not taken for it, and the connection itself is ended."""
    pool = rig.gateway.server.generation.profiles["employer"].pool
    loop = asyncio.get_running_loop()
    for turns in range(60):
        opening = asyncio.create_task(pool.acquire(changing=True))
        for _ in range(turns):
            await asyncio.sleep(0)
        if opening.done():
            opening.result().abort()
            break
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        for _ in range(4):
            one, other = socket.socketpair()
            with one, other:
                one.setblocking(False)
                await loop.sock_sendall(one, b"mine")
                assert other.recv(4) == b"mine"
    assert (rig.pool.busy, rig.pool.opening) == (0, 0)
    assert (await rig.call(get())).status == 200
