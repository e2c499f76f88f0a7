"""The turn of the loop between handing a connection to a waiter and the waiter's taking it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from fla_gateway.config.gateway_tables import Pool as PoolSettings
from fla_gateway.errors import ProblemError
from fla_gateway.proxy.upstream.pool import Pool
from tests.support.fakes import MovableClock


class NoTransport:
    """A transport without a socket: what is tested here moves no bytes."""

    write = close = abort = resume_reading = pause_reading = lambda *_: None

    def get_extra_info(self, name):
        return None


class Opened:
    """Opens connections without a network, and keeps them."""

    def __init__(self):
        self.connections = []

    async def __call__(self, protocol):
        connection = protocol()
        connection.connection_made(NoTransport())
        self.connections.append(connection)
        return connection


@pytest.fixture
def opened():
    """Make a fake at the connector's place."""
    return Opened()


@pytest.fixture
def clock():
    """Make a clock."""
    return MovableClock()


@pytest.fixture
def pool(opened, clock):
    """Make a pool of one connection."""
    return Pool("employer", PoolSettings(connections=1), opened, clock.monotonic)


@pytest.fixture
async def waiters():
    """Start tasks that wait for a connection."""
    tasks = []

    async def wait(pool, **options):
        task = asyncio.get_running_loop().create_task(pool.acquire(**{"changing": True, **options}))
        tasks.append(task)
        await asyncio.sleep(0)
        return task

    yield wait
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_connection_that_ends_as_it_is_handed_over_is_replaced(pool, clock, opened, waiters):
    """Its request would wait for an answer that nobody can give."""
    first = await pool.acquire(changing=True)
    waiter = await waiters(pool)
    first.release(clock.monotonic())
    first.connection_lost(None)
    second = await waiter
    assert second is opened.connections[1]
    assert (pool.snapshot().busy, pool.snapshot().idle) == (1, 0)


async def test_a_connection_that_ends_in_the_hands_of_one_who_goes_is_not_pooled(pool, clock, waiters):
    """Given back closed, it must not be taken by the next request."""
    first = await pool.acquire(changing=True)
    waiter = await waiters(pool)
    first.release(clock.monotonic())
    first.connection_lost(None)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert pool.take(clock.monotonic(), changing=False) is None
    assert (pool.snapshot().busy, pool.snapshot().idle, pool.snapshot().waiting) == (0, 0, 0)


async def test_one_who_goes_as_he_is_served_passes_the_connection_on(pool, clock, opened, waiters):
    """The next in line gets it; nothing is lost and nothing is opened."""
    first = await pool.acquire(changing=True)
    goes, stays = await waiters(pool), await waiters(pool)
    first.release(clock.monotonic())
    goes.cancel()
    assert await stays is first
    assert len(opened.connections) == 1


async def test_one_who_goes_as_room_is_made_passes_the_room_on(pool, opened, waiters):
    """The same where there is no connection but the right to open one."""
    first = await pool.acquire(changing=True)
    goes, stays = await waiters(pool), await waiters(pool)
    first.abort()
    goes.cancel()
    assert await stays is opened.connections[1]
    assert pool.snapshot().busy == 1


async def test_a_waiter_that_needs_a_fresh_connection_gets_one(pool, clock, opened, waiters):
    """A second attempt after a death never travels on another old connection."""
    first = await pool.acquire(changing=False)
    waiter = await waiters(pool, changing=False, fresh=True)
    first.release(clock.monotonic())
    assert await waiter is opened.connections[1]
    assert first.closed
    assert pool.snapshot().busy == 1


async def test_a_closing_pool_keeps_nothing(pool, clock):
    """What is released after the end is closed at once."""
    first = await pool.acquire(changing=True)
    pool.close()
    first.release(clock.monotonic())
    assert first.closed
    assert pool.take(clock.monotonic(), changing=False) is None


class HalfRead(NoTransport):
    """A transport on whose socket something waits to be read."""

    def __init__(self, sock):
        self._sock = sock

    def get_extra_info(self, name):
        return self._sock


@pytest.fixture
def sock():
    """Make a socket on which a byte has arrived."""
    ours, theirs = socket.socketpair()
    theirs.send(b"x")
    with ours, theirs:
        yield ours


@pytest.mark.parametrize("application", [True, False], ids=["data", "session-ticket"])
async def test_what_comes_with_the_handshake_is_read_before_a_connection_carries_a_request(clock, sock, application):
    """Data of an application that nothing has asked for end the connection, and nothing was sent on it."""

    def read(connection):
        data = sock.recv(1)
        if application:
            connection.data_received(data)

    async def opened(protocol):
        connection = protocol()
        connection.connection_made(HalfRead(sock))
        asyncio.get_running_loop().call_soon(read, connection)
        return connection

    pool = Pool("employer", PoolSettings(connections=1), opened, clock.monotonic)
    if application:
        with pytest.raises(ProblemError) as caught:
            await pool.acquire(changing=True)
        assert caught.value.code == "api-unreachable"
        assert pool.snapshot().busy == 0
    else:
        assert not (await pool.acquire(changing=True)).closed


async def test_a_waiter_that_goes_while_a_new_connection_is_heard_out_leaves_none_behind(clock, sock):
    """The connection is ended, and its place is free again."""
    made = []

    async def opened(protocol):
        made.append(protocol())
        made[0].connection_made(HalfRead(sock))
        return made[0]

    pool = Pool("employer", PoolSettings(connections=1), opened, clock.monotonic)
    task = asyncio.get_running_loop().create_task(pool.acquire(changing=True))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made[0].closed
    assert (pool.snapshot().busy, pool.snapshot().opening) == (0, 0)
