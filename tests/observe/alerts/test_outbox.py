"""Letters that wait: attempts, bounds, and what is said of those that were lost."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from fla_gateway.i18n.message import Text
from fla_gateway.observe.alerts.outbox import (
    LONGEST_SECONDS,
    MOST_WAITING,
    PAUSES,
    Delivered,
    NotDeliveredError,
    Outbox,
)
from tests.observe.alerts.samples import letter
from tests.support.fakes import MovableClock
from tests.support.waiting import PATIENCE, eventually


class Way:
    """A way out that fails as often as a test says."""

    name = place = "mail"

    def __init__(self, *failures):
        self.failures = [*failures]
        self.sent = []
        self.attempts = 0
        self.attempted = asyncio.Event()

    async def send(self, waiting):
        self.attempts += 1
        self.attempted.set()
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(waiting.letter.id)
        return Delivered(Text("250 OK"))


def numbered(number):
    """Make a letter with an id of its own."""
    return replace(letter(), id=str(number))


@asynccontextmanager
async def running(way, clock=None, pauses=(0.0,)):
    """Run an outbox."""
    outbox = Outbox("mail", clock or MovableClock(), pauses)
    outbox.follow(way)
    task = asyncio.get_running_loop().create_task(outbox.run())
    with structlog.testing.capture_logs() as events:
        try:
            async with asyncio.timeout(PATIENCE):
                yield outbox, events
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def failure(*, lasting=False):
    """Make a failure."""
    return NotDeliveredError(Text("no"), answer=Text("the words of the server"), lasting=lasting)


async def test_a_letter_is_tried_until_it_is_taken():
    """With one event about the first failure, and one about the end; the server's words are in neither."""
    way = Way(failure(), failure(), failure())
    async with running(way) as (outbox, events):
        outbox.put(letter())
        await eventually(lambda: way.sent)
        await eventually(lambda: outbox.numbers.sent)
    assert [it["event"] for it in events] == ["alert-failing", "alert-sent"]
    assert (events[0]["reason"], events[1]["attempts"]) == ("no", 4)
    assert (outbox.numbers.sent, outbox.numbers.failures, outbox.numbers.lost, outbox.numbers.waiting) == (1, 3, 0, 0)
    assert "the words" not in str(events)


async def test_the_pauses_grow_to_half_an_hour():
    """A server that is down is asked less and less."""
    assert tuple(sorted(PAUSES)) == PAUSES
    assert PAUSES[-1] == 1800
    way = Way(*[failure()] * 3)
    async with running(way, pauses=(0.0, 0.0, 3600.0)) as (outbox, _):
        outbox.put(letter())
        await eventually(lambda: way.attempts == 3)
        outbox.put(numbered(2))
        for _ in range(5):
            await asyncio.sleep(0)
        assert way.attempts == 3


async def test_another_configuration_is_tried_at_once():
    """What waits goes there as well."""
    former, way = Way(*[failure()] * 9), Way()
    async with running(former, pauses=(3600.0,)) as (outbox, _):
        outbox.put(letter())
        await former.attempted.wait()
        outbox.follow(way)
        await eventually(lambda: way.sent)
    assert former.attempts == 1


async def test_a_refusal_that_lasts_costs_that_letter_alone():
    """It is logged with what it said; the next one is sent."""
    way = Way(failure(lasting=True))
    async with running(way, pauses=(3600.0,)) as (outbox, events):
        outbox.put(numbered(1))
        outbox.put(numbered(2))
        await eventually(lambda: outbox.numbers.sent)
    assert way.sent == ["2"]
    lost = next(it for it in events if it["event"] == "alert-lost")
    assert (lost["letter"], lost["why"], lost["reason"]) == ("1", "refused", "no")
    assert lost["texts"] == ["The profile employer is not served: its key cannot be used."]


async def test_a_letter_is_given_up_after_a_day():
    """A failure after that is its last."""
    clock, way = MovableClock(), Way(*[failure()] * 2)
    async with running(way, clock, pauses=(0.0,)) as (outbox, events):
        outbox.put(letter())
        clock.advance(LONGEST_SECONDS + 1)
        await eventually(lambda: outbox.numbers.lost)
    assert [it["why"] for it in events if it["event"] == "alert-lost"] == ["too-old"]
    assert outbox.numbers.waiting == 0


async def test_of_too_many_the_oldest_is_given_up():
    """The queue is bounded, and what it lost is said."""
    way = Way(*[failure()] * 2)
    async with running(way, pauses=(3600.0,)) as (outbox, events):
        for number in range(MOST_WAITING + 2):
            outbox.put(numbered(number))
        assert (outbox.numbers.waiting, outbox.numbers.lost) == (MOST_WAITING, 2)
    assert [(it["letter"], it["why"]) for it in events if it["event"] == "alert-lost"] == [
        ("0", "queue-full"), ("1", "queue-full"),
    ]  # fmt: skip


async def test_what_waits_at_the_end_is_said():
    """The end waits for nothing; neither does a way out that is taken out of the configuration."""
    async with running(Way(failure()), pauses=(3600.0,)) as (outbox, events):
        outbox.put(numbered(1))
        outbox.give_up("stopping")
        outbox.put(numbered(2))
        outbox.follow(None)
    assert [(it["letter"], it["why"]) for it in events if it["event"] == "alert-lost"] == [
        ("1", "stopping"), ("2", "taken-out"),
    ]  # fmt: skip


async def test_a_fault_of_ones_own_ends_nothing():
    """It is logged, and the letter is tried again."""
    way = Way(RuntimeError("with a secret"))
    async with running(way) as (outbox, events):
        outbox.put(letter())
        await eventually(lambda: way.sent)
    assert [it["event"] for it in events][:2] == ["alert-fault", "alert-failing"]
    assert "with a secret" not in str([{k: v for k, v in it.items() if k != "exc_info"} for it in events])
