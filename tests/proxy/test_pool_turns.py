"""The turn of the loop between handing a connection to a waiter and the waiter's taking it."""

from __future__ import annotations

import asyncio

import pytest

from fla_gateway.config.schema import Pool as PoolSettings
from fla_gateway.proxy.pool import Pool
from tests.support.fakes import MovableClock


class NoTransport:
    """A transport without a socket: what is tested here moves no bytes."""

    write = close = abort = resume_reading = pause_reading = lambda *_: None


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


async def test_a_connection_that_ends_as_it_is_handed_over_is_replaced(pool, opened, waiters):
    """Its request would wait for an answer that nobody can give."""
    first = await pool.acquire(changing=True)
    waiter = await waiters(pool)
    first.release()
    first.connection_lost(None)
    second = await waiter
    assert second is opened.connections[1]
    assert (pool.snapshot().busy, pool.snapshot().idle) == (1, 0)


async def test_a_connection_that_ends_in_the_hands_of_one_who_goes_is_not_pooled(pool, clock, waiters):
    """Given back closed, it must not be taken by the next request."""
    first = await pool.acquire(changing=True)
    waiter = await waiters(pool)
    first.release()
    first.connection_lost(None)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert pool.take(clock.monotonic(), changing=False) is None
    assert (pool.snapshot().busy, pool.snapshot().idle, pool.snapshot().waiting) == (0, 0, 0)


async def test_one_who_goes_as_he_is_served_passes_the_connection_on(pool, opened, waiters):
    """The next in line gets it; nothing is lost and nothing is opened."""
    first = await pool.acquire(changing=True)
    goes, stays = await waiters(pool), await waiters(pool)
    first.release()
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


async def test_a_waiter_that_needs_a_fresh_connection_gets_one(pool, opened, waiters):
    """A second attempt after a death never travels on another old connection."""
    first = await pool.acquire(changing=False)
    waiter = await waiters(pool, changing=False, fresh=True)
    first.release()
    assert await waiter is opened.connections[1]
    assert first.closed
    assert pool.snapshot().busy == 1


async def test_a_closing_pool_keeps_nothing(pool, clock):
    """What is released after the end is closed at once."""
    first = await pool.acquire(changing=True)
    pool.close()
    first.release()
    assert first.closed
    assert pool.take(clock.monotonic(), changing=False) is None
