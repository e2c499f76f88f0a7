"""Callers of one profile that wait for a connection to the API take turns: no burst keeps another caller waiting."""

from __future__ import annotations

from hashlib import sha256

from tests.support.raw_http import OK, get
from tests.support.waiting import eventually

CALLERS = 20
BURST = 7
KEYS = [f"flagw_{number:064x}" for number in range(1, CALLERS + 1)]
MANY = "".join(
    f'[callers.c{number}]\nkeys = [{{ sha256 = "{sha256(key.encode()).hexdigest()}" }}]\n'
    f'[callers.c{number}.allow]\nemployer = ["GET /REST/**"]\n'
    for number, key in enumerate(KEYS)
)


def pool(connections, queue=1_000):
    """Write the table of the pool."""
    return f"[gateway.pool]\nconnections = {connections}\nqueue = {queue}\n"


async def ask(rig, number, times=1):
    """Send polls of one caller, each on a connection of its own, and wait until they wait."""
    before = rig.pool.waiting
    callers = []
    for count in range(times):
        caller = await rig.caller()
        await caller.send(get(f"/employer/REST/c{number}/{count}", f"X-Api-Key: {KEYS[number]}"))
        callers.append(caller)
    await eventually(lambda: rig.pool.waiting == before + times)
    return callers


async def busy(rig, connections):
    """Keep all connections busy with exchanges of the first caller; give them."""
    rig.api.by_hand()
    found = []
    for _ in range(connections):
        caller = await rig.caller()
        await caller.send(get("/employer/REST/c0/running", f"X-Api-Key: {KEYS[0]}"))
        found.append(await rig.api.connection())
        await found[-1].request()
    return found


async def served(connections, count):
    """Answer one exchange after the other; give whose request came next each time."""
    order = []
    for number in range(count):
        connection = connections[number % len(connections)]
        await connection.send(OK)
        order.append((await connection.request()).target.split(b"/")[2].decode())
    return order


async def test_a_single_call_does_not_wait_for_a_burst(start):
    """28 polls of one caller wait; another one's call is the second that is sent, not the twenty-ninth."""
    rig = await start(gateway=pool(2), more=MANY)
    connections = await busy(rig, 2)
    await ask(rig, 0, 28)
    await ask(rig, 1)
    assert "c1" in (await served(connections, 2))


async def test_bursts_share_the_connections_equally(start):
    """Twenty callers with a burst each, one after the other: of every twenty requests sent each has one."""
    rig = await start(gateway=pool(4), more=MANY)
    connections = await busy(rig, 4)
    for number in range(CALLERS):
        await ask(rig, number, BURST)
    order = await served(connections, CALLERS * BURST)
    for begin in range(0, len(order), CALLERS):
        assert len(set(order[begin : begin + CALLERS])) == CALLERS


async def test_a_full_queue_is_no_privilege_of_the_first(start):
    """Where a burst has filled the queue, its last request makes room for another caller, and is told so at once."""
    rig = await start(gateway=pool(1, queue=5), more=MANY)
    connections = await busy(rig, 1)
    burst = await ask(rig, 0, 5)
    caller = await rig.caller()
    await caller.send(get("/employer/REST/c1/0", f"X-Api-Key: {KEYS[1]}"))
    answer = await burst[-1].answer()
    assert (answer.status, answer.code, answer.value("Retry-After")) == (503, "overloaded", b"1")
    assert answer.problem["delivery"] == "not-sent"
    assert rig.pool.waiting == 5
    assert "c1" in await served(connections, 2)
    # A caller that has its share of the queue is told that it is full.
    late = await rig.caller()
    await ask(rig, 0, 2)
    await late.send(get("/employer/REST/c0/late", f"X-Api-Key: {KEYS[0]}"))
    assert (await late.answer()).code == "overloaded"


async def test_who_gives_up_loses_nobody_a_turn(start):
    """A caller that goes while it waits is passed over, and the others are served in turn."""
    rig = await start(gateway=pool(1), more=MANY)
    connections = await busy(rig, 1)
    await ask(rig, 0, 3)
    gone, *_ = await ask(rig, 1, 2)
    await ask(rig, 2)
    gone.reset()
    await eventually(lambda: rig.pool.waiting == 5)
    assert await served(connections, 5) == ["c0", "c1", "c2", "c0", "c0"]
