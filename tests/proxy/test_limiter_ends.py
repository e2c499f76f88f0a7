"""Limits are not used up by what has ended: whatever ends an exchange, its place is free again, and free once."""

from __future__ import annotations

import asyncio
import random

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from tests.proxy.test_accidents import Api, converse
from tests.proxy.test_records import Journal
from tests.support.raw_http import REFUSED_TOKEN, get, ok, post, post_chunked
from tests.support.waiting import eventually

ONE = "limits = { concurrent = 1, body_bytes = 1000 }"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"


async def open_exchange(rig, raw):
    """Send a request; give the caller, and the API's connection as soon as the head of it is there."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(raw)
    connection = await rig.api.connection()
    await connection.head()
    return caller, connection


async def answered(rig):
    """Everything goes well."""
    assert (await rig.call(post(b"{}"))).status == 200


async def api_resets(rig):
    """The API resets instead of answering."""
    caller, connection = await open_exchange(rig, post(b""))
    connection.reset()
    assert (await caller.answer()).code == "api-closed"


async def api_is_malformed(rig):
    """The API answers with something else than HTTP."""
    caller, connection = await open_exchange(rig, get())
    await connection.send(b"HTTP/1.1 200 OK\nX: y\r\n\r\n")
    assert (await caller.answer()).code == "api-malformed"


async def api_cuts(rig):
    """The answer is truncated."""
    caller, connection = await open_exchange(rig, get())
    await connection.send(CUT)
    await caller.stream.until(b"abc")
    connection.reset()
    assert await caller.ended()


async def api_is_silent(rig):
    """The API does not begin to answer."""
    caller, _ = await open_exchange(rig, get())
    await rig.swept()
    rig.clock.advance(61)
    assert (await caller.answer()).code == "api-timeout"


async def api_answers_early(rig):
    """The answer is whole before the body is."""
    caller, connection = await open_exchange(rig, get("/employer/REST/x", "Content-Length: 9", method="POST"))
    await connection.send(ok(b"no", status="400 Bad Request"))
    assert (await caller.answer()).status == 400


async def api_cannot_be_reached(rig):
    """Nobody listens there."""
    await rig.api.close()
    assert (await rig.call(post(b"{}"))).code == "api-unreachable"


async def token_is_refused_and_replaced(rig):
    """A 401 replay: one exchange, two attempts."""
    answers = [REFUSED_TOKEN, ok(b"ok")]
    rig.api.answer = lambda request: answers.pop(0)
    assert (await rig.call(post(b"{}"))).status == 200
    assert not answers


async def token_is_refused_and_not_replaced(rig):
    """A 401 replay for which there is no other token."""

    def answer(_request):
        rig.tokens.failures.append(ProblemError("token-failed", Text("Maintenance."), 60))
        return REFUSED_TOKEN

    rig.api.answer = answer
    assert (await rig.call(post(b"{}"))).status in {401, 503}


async def no_token(rig):
    """The token server is down."""
    rig.tokens.failures.append(ProblemError("token-failed", Text("Maintenance."), 60))
    assert (await rig.call(get())).code == "token-failed"


async def gone_before_a_token(rig):
    """The caller resets while a token is awaited."""
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(post(b"{}"))
    await rig.tokens.asked.wait()
    caller.reset()
    await eventually(lambda: rig.running == 0)
    rig.tokens.gate.set()


async def gone_within_its_body(rig):
    """The caller resets within its body."""
    caller, _ = await open_exchange(rig, get("/employer/REST/x", "Content-Length: 9", method="POST") + b"abc")
    caller.reset()


async def gone_before_the_answer_of_a_get(rig):
    """The caller resets; the request is cancelled."""
    caller, _ = await open_exchange(rig, get())
    caller.reset()


async def gone_before_the_answer_of_a_change(rig):
    """The caller resets; the change is followed to its end."""
    caller, connection = await open_exchange(rig, post(b""))
    caller.reset()
    await eventually(lambda: rig.orphans)
    await connection.send(ok(b"ok"))


async def gone_and_then_the_api(rig):
    """The caller resets, and the API as well."""
    caller, connection = await open_exchange(rig, post(b""))
    caller.reset()
    await eventually(lambda: rig.orphans)
    connection.reset()


async def gone_within_the_answer(rig):
    """The caller resets while the answer is written."""
    caller, connection = await open_exchange(rig, get())
    await connection.send(CUT)
    await caller.stream.until(b"abc")
    caller.reset()


async def body_grows_too_large(rig):
    """413 in mid-stream."""
    assert (await rig.call(post_chunked(b"x" * 600, b"x" * 600))).code == "body-too-large"


async def body_is_malformed(rig):
    """A chunk has no size."""
    caller, _ = await open_exchange(
        rig, get("/employer/REST/x", "Transfer-Encoding: chunked", method="POST") + b"1\r\n"
    )
    await caller.send(b"a\r\nno size\r\n")
    assert (await caller.answer()).code == "malformed-body"


async def whole_time_is_over(rig):
    """The exchange as a whole lasts too long, although bytes come."""
    caller, connection = await open_exchange(rig, get())
    await connection.send(CUT)
    await caller.stream.until(b"abc")
    rig.clock.advance(601)
    assert await caller.ended()


async def refused_at_the_door(rig):
    """What is refused before it runs never counted."""
    for raw in (
        get("/nobody/REST/x"),
        get("/employer/REST/oauth/v5"),
        post(b"x" * 1001),
        get(f"/employer/{'x' * 70_000}"),
    ):
        assert (await rig.call(raw)).status >= 400


ENDS = [
    answered, api_resets, api_is_malformed, api_cuts, api_is_silent, api_answers_early, api_cannot_be_reached,
    token_is_refused_and_replaced, token_is_refused_and_not_replaced, no_token, gone_before_a_token,
    gone_within_its_body, gone_before_the_answer_of_a_get, gone_before_the_answer_of_a_change, gone_and_then_the_api,
    gone_within_the_answer, body_grows_too_large, body_is_malformed, whole_time_is_over, refused_at_the_door,
]  # fmt: skip


async def room(rig, most):
    """Tell whether as many exchanges as permitted can begin, and not one more."""
    await eventually(lambda: rig.running == 0)
    limiter = rig.gateway.server.generation.profiles["employer"].limiter
    verdicts = [limiter.enter("", rig.clock.monotonic()) for _ in range(most + 1)]
    for verdict in verdicts:
        if verdict is None:
            limiter.leave("", rig.clock.monotonic())
    return [verdict is None for verdict in verdicts] == [True] * most + [False]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_every_end_makes_room_once(start, end):
    """After each kind of end exactly one exchange may run again, where one is the limit."""
    rig = await start(profile=ONE)
    await end(rig)
    assert await room(rig, 1)


async def test_a_change_that_could_not_be_recorded_makes_room(start):
    """503 before anything was sent."""
    rig = await start(profile=ONE, journal=Journal(broken=True))
    for _ in range(3):
        assert (await rig.call(post(b"{}"))).code == "journal-unavailable"
    assert await room(rig, 1)


async def test_a_full_queue_makes_room(start):
    """Requests for which there is no connection were counted, and are no more."""
    rig = await start(profile="limits = { concurrent = 2 }", gateway="[gateway.pool]\nconnections = 1\nqueue = 0\n")
    caller, connection = await open_exchange(rig, get())
    assert (await rig.call(get())).code == "overloaded"
    await connection.send(ok(b"ok"))
    await caller.answer()
    assert await room(rig, 2)


async def test_a_drain_that_is_over_has_cut_everything_once(start):
    """What still ran at the end was counted out like anything else."""
    rig = await start(profile=ONE)
    await open_exchange(rig, post(b""))
    limiter = rig.gateway.server.generation.profiles["employer"].limiter
    assert limiter.enter("", rig.clock.monotonic()) is not None
    await rig.gateway.server.close()
    assert await room(rig, 1)


@pytest.mark.parametrize("seed", [11, 12])
async def test_accidents_in_any_order_use_nothing_up(start, seed):
    """Hundreds of exchanges with resets, cuts, refused tokens and full queues leave all the room that there was."""
    rig = await start(profile="limits = { concurrent = 9 }", gateway="[gateway.pool]\nconnections = 3\n")
    rig.api.by_hand()
    dice = random.Random(seed)  # noqa: S311 - accidents that can be had again
    api = Api(rig, dice)
    serving = asyncio.create_task(api.run())
    wrong: list[object] = []

    async def talk(number):
        for turn in range(10):
            await converse(rig, dice, f"{number}-{turn}", wrong)

    await asyncio.gather(*(talk(number) for number in range(12)))
    await eventually(lambda: rig.running == 0 and rig.pool.opening == 0)
    for task in (serving, *api.tasks):
        task.cancel()
    assert wrong == []
    assert await room(rig, 9)
