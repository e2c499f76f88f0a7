"""Accidents of every kind at once: an answer is one's own whatever happens to others, and nothing is left behind."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support.raw_http import REFUSED_TOKEN, TruncatedError, get, ok, post, post_chunked
from tests.support.waiting import eventually

CALLERS = 16
ROUNDS = 8


class Api:
    """An API that repeats what it was asked, and has accidents."""

    def __init__(self, rig, dice):
        self.rig, self.dice = rig, dice
        self.tasks = set()

    async def run(self):
        """Serve every connection that the gateway opens."""
        while True:
            connection = await self.rig.api.connection()
            task = asyncio.create_task(self._serve(connection))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _serve(self, connection):
        try:
            while await self._answered(connection, await connection.request()):
                pass
        except (TruncatedError, TimeoutError, OSError):
            connection.cut()

    async def _answered(self, connection, request):
        """Answer one request; False if that was the connection's last."""
        body = request.target + b" " + request.body
        accident = self.dice.random()
        if accident < 0.1:
            connection.reset()
        elif accident < 0.15:
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut")
            connection.reset()
        elif accident < 0.2:
            await connection.send(ok(body, "Connection: close"))
            connection.close()
        elif accident < 0.25:
            await connection.send(REFUSED_TOKEN)
        elif accident < 0.3:
            await connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok(body))
        elif accident < 0.5:
            await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await asyncio.sleep(0)
            await connection.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        else:
            await asyncio.sleep(self.dice.random() * 0.005)
            await connection.send(ok(body))
        return accident >= 0.2


def request_of(dice, tag):
    """Draw a request; give it with the answer that is its own."""
    path, body = f"/employer/REST/{tag}", tag.encode()
    raw = [
        get(path),
        post(body, path=path),
        post_chunked(body).replace(b"/employer/REST/x", path.encode()),
    ]
    kind = dice.randrange(3)
    return raw[kind], f"/REST/{tag} ".encode() + (body if kind else b"")


async def converse(rig, dice, tag, wrong):
    """Send requests on one connection until one side has had enough."""
    caller = await rig.caller()
    try:
        for number in range(dice.randrange(1, 5)):
            raw, own = request_of(dice, f"{tag}-{number}")
            patience = dice.random()
            if patience < 0.15:
                await caller.send(raw[: dice.randrange(len(raw))])
            else:
                await caller.send(raw)
            if patience < 0.3:
                await asyncio.sleep(dice.random() * 0.005)
                (caller.reset if patience < 0.25 else caller.close)()
                return
            answer = await caller.answer()
            while answer.status == 103:
                answer = await caller.answer()
            if answer.status == 200 and answer.body != own:
                wrong.append((own, answer.body))
    except (TruncatedError, ConnectionError):
        pass
    finally:
        caller.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_answer_is_ones_own_whatever_happens_to_the_others(start, seed):
    """Resets, cuts, refused tokens and full queues: no foreign answer, one record each, and a pool that is whole."""
    rig = await start(gateway="[gateway.pool]\nconnections = 3\n")
    rig.api.by_hand()
    dice = random.Random(seed)  # noqa: S311 - accidents that can be had again
    api = Api(rig, dice)
    serving = asyncio.create_task(api.run())
    wrong: list[object] = []
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    async def talk(number):
        for turn in range(ROUNDS):
            await converse(rig, dice, f"{number}-{turn}", wrong)

    await asyncio.gather(*(talk(number) for number in range(CALLERS)))
    await eventually(lambda: rig.running == 0 and rig.pool.opening == 0)
    for task in (serving, *api.tasks):
        task.cancel()
    assert (wrong, faults) == ([], [])
    assert (rig.pool.busy, rig.pool.waiting) == (0, 0)
    ids = []
    while not rig.records.empty():
        ids.append((await rig.records.next()).request_id)
    assert len(ids) == len(set(ids)) > CALLERS * ROUNDS / 2
