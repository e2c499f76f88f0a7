"""The end of an exchange: told once, whatever ends it, and waited for by whoever needs it."""

from __future__ import annotations

import asyncio
import socket

from tests.support.behaviour import SWEEP_SECONDS
from tests.support.raw_caller import Caller
from tests.support.raw_http import OK, REFUSED_TOKEN, get, ok, post
from tests.support.waiting import eventually


async def told(rig):
    """Give the records of everything that has ended, once nothing runs any more."""
    await eventually(lambda: rig.running == 0 and not rig.connections)
    await rig.swept()
    records = []
    while not rig.records.empty():
        records.append(await rig.records.next())
    return records


def hint(size):
    """Write an interim answer of a size."""
    head = b"HTTP/1.1 103 Early Hints\r\nLink: "
    return head + b"a" * (size - len(head) - 4) + b"\r\n\r\n"


async def test_an_answer_that_is_cut_is_recorded_once(rig):
    """The caller's connection is closed for it, and that is not another end."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    await caller.stream.until(b"abc")
    connection.reset()
    assert await caller.ended()
    assert [it.outcome for it in await told(rig)] == ["truncated"]


async def test_a_body_that_turns_out_malformed_while_a_token_is_awaited_ends_its_exchange(rig):
    """The token that comes afterwards finds nobody: no second record, no connection that is opened for nothing."""
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
    await rig.tokens.asked.wait()
    await caller.send(b"no size\r\n")
    answer = await caller.answer()
    assert (answer.code, answer.problem["delivery"]) == ("malformed-body", "not-sent")
    rig.tokens.gate.set()
    caller.close()
    assert [(it.outcome, it.code) for it in await told(rig)] == [("refused", "malformed-body")]
    assert rig.api.opened == 0


async def test_a_drain_waits_for_the_fate_of_a_change_whose_caller_is_gone(rig):
    """Also where that caller was the last one, and went while the drain was running."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(post(b"declaration"))
    connection = await rig.api.connection()
    await connection.request()
    draining = asyncio.create_task(rig.gateway.server.connections.drain(5))
    caller.reset()
    await eventually(lambda: not rig.connections)
    await connection.send(OK)
    record = await rig.records.next()
    assert (record.outcome, record.status) == ("caller-gone", 200)
    assert not await draining


async def test_a_caller_that_takes_nothing_holds_back_the_second_attempt_as_well(start, tmp_path):
    """It stopped reading during interim answers; the connection of the replay came later and must not flood it."""
    path = tmp_path / "gateway.sock"
    rig = await start(unix=path)
    rig.api.by_hand()
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, str(path))
    caller = Caller(sock)
    rig.callers.append(caller)
    await caller.send(post(b"{}"))
    first = await rig.api.connection()
    await first.request()
    (at,) = rig.connections
    # 64 KiB of interim answers are to be enough.
    at.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    at.transport.set_write_buffer_limits(high=20_000)
    hints = 0
    while not at.transport.get_write_buffer_size():
        await first.send(hint(5_000))
        hints += 1
        await asyncio.sleep(SWEEP_SECONDS)
    # The one that makes the caller's buffer too full, and in the same breath what leads to the replay.
    await first.send(hint(21_000 - at.transport.get_write_buffer_size()) + REFUSED_TOKEN)
    hints += 1
    second = await rig.api.connection()
    await second.request()
    sending = asyncio.create_task(second.send(ok(b"x" * 8_000_000)))
    await eventually(lambda: at.exchange is None or not at.exchange._upstream.reading)
    assert at.transport.get_write_buffer_size() < 4_000_000
    for _ in range(hints):
        assert (await caller.answer()).status == 103
    assert len((await caller.answer()).body) == 8_000_000
    await sending
