"""Threads that the process cannot do without, on a system that gives none, or no further one."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fla_gateway.errors import NoThreadError
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.runtime.default_executor import UnwaitedExecutor
from fla_gateway.system.thread_pool import ThreadPool
from tests.support.threads import no_thread
from tests.support.waiting import PATIENCE


def test_a_pool_without_one_thread_is_none():
    """It is said at its start, where it can be helped."""
    with no_thread(), pytest.raises(NoThreadError, match="gives no thread"):
        ThreadPool()
    with ThreadPool() as pool:
        assert pool.submit(int, "7").result(PATIENCE) == 7


def test_a_call_waits_for_a_thread_that_is_there():
    """What is asked for is done once, and its caller learns of it, although there should be a thread of its own."""
    gate = threading.Event()
    calls: list[str] = []
    with ThreadPool(4) as pool:
        first = pool.submit(gate.wait, PATIENCE)
        with no_thread():
            second = pool.submit(calls.append, "second")
        gate.set()
        assert first.result(PATIENCE)
        second.result(PATIENCE)
        with no_thread():
            pool.submit(calls.append, "third").result(PATIENCE)
    assert calls == ["second", "third"]


async def test_the_calls_of_the_loop_wait_as_well():
    """`asyncio.to_thread` raises nothing: what it raises ends the gateway where no one expects it."""
    loop, gate = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(UnwaitedExecutor())
    first = asyncio.create_task(asyncio.to_thread(gate.wait, PATIENCE))
    await asyncio.sleep(0)
    with no_thread():
        second = asyncio.create_task(asyncio.to_thread(int, "7"))
        await asyncio.sleep(0)
    gate.set()
    assert tuple(await asyncio.wait_for(asyncio.gather(first, second), PATIENCE)) == (True, 7)


def test_lines_without_their_thread_end_the_start(tmp_path):
    """A gateway that cannot log does not begin; it is tried again, and what waits is written then."""
    with (tmp_path / "log").open("wb") as file:
        writer = LineWriter(file.fileno(), file.fileno())
        writer.offer_event(b"one\n")
        with no_thread(), pytest.raises(NoThreadError):
            writer.start()
        writer.close(PATIENCE)
    assert (tmp_path / "log").read_bytes() == b"one\n"
