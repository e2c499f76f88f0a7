"""What the bytes of peers cost in one turn of the loop, counted in units of work and not in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.proxy.work_budget import SLICE, UNITS, WorkBudget
from tests.support.properties import BOUNDED
from tests.support.raw_http import OK, get, ok
from tests.support.waiting import eventually

CHUNKS = 24_000
"""Of six bytes each: several times what a turn decodes, and more than one read brings."""
SMALL = b"1\r\na\r\n" * CHUNKS
CODED = SMALL + b"0\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CODED
POST = get("/employer/REST/x", "Transfer-Encoding: chunked", method="POST") + CODED
HINT = b"HTTP/1.1 103 \r\nA: \r\n\r\n"
MOST_HINTS = 65_536 // len(HINT)


class Turns:
    """Counts what was done in each turn of the loop, by what stands on the exchanges that run."""

    def __init__(self, rig, done):
        self._rig = rig
        self._done = done
        self.seen = []
        self._task = asyncio.get_running_loop().create_task(self._count())

    async def _count(self):
        while True:
            exchanges = [it.exchange for it in self._rig.connections if it.exchange is not None]
            self.seen.append({id(it): self._done(it) for it in exchanges})
            await asyncio.sleep(0)

    def dearest(self):
        """Give the most that was done between two turns, in all exchanges together."""
        self._task.cancel()
        pairs = zip(self.seen, self.seen[1:], strict=False)
        return max(sum(after.get(key, done) - done for key, done in before.items()) for before, after in pairs)


def received(exchange):
    """Count the chunks of a request whose chunks are single bytes."""
    return exchange.request_body.received


def sent(exchange):
    """Count the chunks of an answer whose chunks are single bytes."""
    return exchange.sent


# A turn is counted from one look to the next, so that parts of two turns may lie between them.
MOST = 2 * UNITS


@pytest.mark.parametrize("callers", [1, 4])
async def test_no_turn_decodes_more_of_callers_bodies_than_its_units(rig, callers):
    """Chunks of one byte, from one caller or from several: the units of a turn are those of all together."""
    connections = [await rig.caller() for _ in range(callers)]
    turns = Turns(rig, received)
    for caller in connections:
        await caller.send(POST)
    for caller in connections:
        assert (await caller.answer()).status == 200
    assert turns.dearest() <= MOST
    assert [request.body for request in rig.api.requests] == [b"a" * CHUNKS] * callers


@pytest.mark.parametrize("callers", [1, 4])
async def test_no_turn_decodes_more_of_the_apis_bodies_than_its_units(rig, callers):
    """Chunks of one byte from the API: the answer is whole, and no turn had more than its units."""
    rig.api.answer = lambda request: ANSWER
    connections = [await rig.caller() for _ in range(callers)]
    turns = Turns(rig, sent)
    for caller in connections:
        await caller.send(get())
    for caller in connections:
        assert (await caller.answer()).body == b"a" * CHUNKS
    assert turns.dearest() <= MOST
    await eventually(lambda: rig.pool.busy == 0)
    assert rig.pool.idle == callers


async def test_interim_answers_are_judged_over_several_turns(rig):
    """As many as 64 KiB hold, in one read: all are passed on, and the units of a turn bound how many at once."""
    rig.api.answer = lambda request: HINT * MOST_HINTS + OK
    caller = await rig.caller()
    turns = Turns(rig, lambda exchange: exchange._upstream._interim_bytes // len(HINT) if exchange._upstream else 0)
    await caller.send(get())
    for _ in range(MOST_HINTS):
        assert (await caller.answer()).status == 103
    assert (await caller.answer()).body == b"ok"
    assert turns.dearest() <= MOST // 64 + 1


async def test_long_heads_of_many_callers_are_read_over_several_turns(rig):
    """A path of thousands of segments costs milliseconds: two of them fill a turn, and every one is answered."""
    budget = rig.gateway.server.connections.budget
    refills: list[object] = []
    soon = budget._soon

    def counted(work):
        refills.append(work)
        soon(work)

    budget._soon = counted
    connections = [await rig.caller() for _ in range(12)]
    for caller in connections:
        await caller.send(get("/employer/REST/" + "a/" * 29_000))
    for caller in connections:
        assert (await caller.answer()).status == 200
    assert len(refills) >= 5
    refills.clear()
    for caller in connections:
        await caller.send(get("/employer/REST/" + "a/" * 1_900))
        assert (await caller.answer()).status == 200
    assert refills == []


async def test_others_are_answered_while_a_body_of_small_chunks_is_decoded(rig):
    """A request that comes later is answered before the body of the earlier one has been decoded."""
    large = ANSWER.replace(CODED, SMALL * 6 + CODED)
    rig.api.answer = lambda request: large if request.target == b"/REST/small" else OK
    slow, quick = await rig.caller(), await rig.caller()
    await quick.send(get())
    await quick.answer()
    await slow.send(get("/employer/REST/small"))
    await eventually(lambda: any(it.exchange and it.exchange.sent for it in rig.connections))
    await quick.send(get())
    assert (await quick.answer()).body == b"ok"
    assert rig.running == 1
    assert (await slow.answer()).body == b"a" * CHUNKS * 7


async def test_an_ordinary_body_is_passed_on_in_the_turn_in_which_it_comes(rig):
    """Nothing is deferred below the bound: chunks of an ordinary size cost no further turn."""
    deferred: list[object] = []
    budget = rig.gateway.server.connections.budget
    budget._soon = deferred.append
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"40\r\n" + b"x" * 64 + b"\r\n"
    rig.api.answer = lambda request: body + b"1\r\na\r\n" * 500 + b"0\r\n\r\n"
    assert len((await rig.call(get())).body) == 564
    assert deferred == []


@pytest.mark.parametrize("end", ["close", "cut"])
async def test_an_end_behind_small_chunks_waits_until_they_are_decoded(rig, end):
    """The connection is lost while part of the answer is still to be decoded: the answer is whole nevertheless."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    small = ok(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"1\r\na\r\n" * 9_000 + b"0\r\n\r\n"
    connection.writer.write(small)
    getattr(connection, end)()
    assert (await caller.answer()).body == b"a" * 9_000


async def test_an_answer_that_is_cut_behind_small_chunks_is_truncated(rig):
    """What was read is passed on, and then the connection ends without a last chunk."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(ANSWER[:-5])
    connection.close()
    await caller.stream.until(b"\r\n\r\n")
    assert not (await caller.stream.rest()).endswith(b"0\r\n\r\n")
    assert (await rig.records.next()).outcome == "truncated"


async def test_a_caller_that_goes_amid_small_chunks_is_gone(rig):
    """What was deferred is forgotten with it, and the API never sees the end of the body."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(POST[:-5])
    connection = await rig.api.connection()
    caller.reset()
    assert (await rig.records.next()).outcome == "caller-gone"
    await eventually(lambda: rig.running == 0)
    await eventually(lambda: rig.pool.busy == 0)
    assert b"\r\n0\r\n\r\n" not in await _whatever(connection)


async def _whatever(connection):
    try:
        return await connection.stream.rest()
    except (ConnectionError, OSError):
        return connection.stream.buffer


async def test_the_rest_of_a_refused_body_of_small_chunks_is_thrown_away(rig):
    """A refused request is answered at once, whatever of its body was not decoded, and its connection closes."""
    caller = await rig.caller()
    await caller.send(POST.replace(b"/employer/", b"/nobody/"))
    answer = await caller.answer()
    assert (answer.code, answer.value("Connection")) == ("unknown-profile", b"close")
    assert await caller.ended()


async def test_an_answer_amid_small_chunks_of_the_request(rig):
    """The API answers early: the answer is passed on whole, and the connection closes."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(POST[:-5])
    connection = await rig.api.connection()
    await connection.head()
    await connection.send(OK)
    answer = await caller.answer()
    assert (answer.body, answer.value("Connection")) == (b"ok", b"close")
    assert await caller.ended()


# The budget alone


@BOUNDED
@given(st.lists(st.integers(1, 3 * UNITS), min_size=1, max_size=12))
def test_all_work_is_done_in_turns_none_of_which_exceeds_the_units(amounts: list[int]) -> None:
    """Whatever waits, each turn spends no more than its units, nobody waits for ever, and nothing is done twice."""
    turn: list[Callable[[], None]] = []
    budget = WorkBudget(turn.append)
    done = [0] * len(amounts)

    def work(number: int) -> None:
        spent = min(budget.slice(), amounts[number] - done[number])
        budget.left -= spent
        done[number] += spent
        if done[number] < amounts[number]:
            budget.defer(partial(work, number))

    for number in range(len(amounts)):
        budget.defer(partial(work, number))
    turns = 0
    while turn:
        before = sum(done)
        (refill,) = turn
        turn.clear()
        refill()
        turns += 1
        assert 0 < sum(done) - before <= UNITS
    assert done == amounts
    assert turns <= sum(amounts) // UNITS + 2


def test_those_that_wait_have_equal_turns() -> None:
    """A small piece of work behind a large one waits for a slice of it, not for all of it."""
    turn: list[Callable[[], None]] = []
    budget = WorkBudget(turn.append)
    order = []

    def large() -> None:
        order.append("large")
        budget.left -= SLICE
        budget.defer(large)

    budget.defer(large)
    budget.defer(lambda: order.append("small"))
    turn.pop()()
    assert order[:2] == ["large", "small"]


def test_a_fault_in_one_piece_of_work_does_not_stop_the_others() -> None:
    """It goes to the loop's handler; the rest is done in the next turn."""
    turn: list[Callable[[], None]] = []
    done = []
    budget = WorkBudget(turn.append)

    def faulty() -> None:
        raise ZeroDivisionError

    budget.defer(faulty)
    budget.defer(lambda: done.append(1))
    with pytest.raises(ZeroDivisionError):
        turn.pop()()
    turn.pop()()
    assert done == [1]
