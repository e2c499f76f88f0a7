"""Announced intents: one write for all of a turn, told when it is made, and none of what is over by then."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fla_gateway.access.authentication.caller import UNAUTHENTICATED
from fla_gateway.errors import ProblemError
from fla_gateway.journal.writer.durable_writer import BRAKE_SECONDS
from tests.journal.writer.test_durable_writer import no_file_longer_than, small_disk  # noqa: F401 - a fixture
from tests.journal.writer.test_fsync_worker import Desk
from tests.support.journal_writer import NOON, a_record, an_intent, chained_lines, files, kinds, of_kind, opened, the_id
from tests.support.tokens import HandClock

SYSTEM_CALLS = Path("/proc/thread-self/io")
"""What the kernel counts of this thread alone."""


@pytest.fixture
def clock():
    """A clock moved by hand."""
    return HandClock(wall=NOON)


class Exchanges:
    """The data path's side: announces intents by number, and remembers who was told what, in that order."""

    def __init__(self, journal) -> None:
        self.journal = journal
        self.told: list[tuple[int, ProblemError | None]] = []

    def announce(self, *numbers: int) -> None:
        """Announce intents."""
        for number in numbers:
            self.journal.announce(an_intent(number), self._teller(number))

    def _teller(self, number: int):
        return lambda error: self.told.append((number, error))

    def gone(self, *numbers: int) -> None:
        """End exchanges of which nothing was sent."""
        for number in numbers:
            self.journal.exchange(a_record(number, attempts=0, outcome="caller-gone", status=0, origin="gateway"))

    def answered(self, *numbers: int) -> None:
        """End exchanges in good order."""
        for number in numbers:
            self.journal.exchange(a_record(number))

    def served(self) -> list[int]:
        """Give who was told that his intent is on record."""
        return [number for number, error in self.told if error is None]

    def refused(self) -> list[int]:
        """Give who was told that nothing may be sent; the reason is always the same one."""
        errors = [(number, error) for number, error in self.told if error is not None]
        assert {(error.code, error.retry_after) for _, error in errors} <= {("journal-unavailable", 5)}
        return [number for number, _ in errors]


async def turn() -> None:
    """Let the loop take one turn."""
    await asyncio.sleep(0)


def on_file(path, kind):
    """Give the numbers of the records of a kind, the chain being whole."""
    return [int(line["id"][:8]) for line in of_kind(path, kind)]


def size(path):
    """Give the size of the last segment."""
    return files(path)[-1].stat().st_size


def writes() -> int:
    """Give how often this thread has asked the kernel to write something."""
    return int(dict(line.split(": ") for line in SYSTEM_CALLS.read_text().splitlines())["syscw"])


@pytest.mark.skipif(not SYSTEM_CALLS.exists(), reason="this kernel counts no system calls")
@pytest.mark.parametrize("count", [1, 2, 1000])
async def test_all_of_a_turn_are_one_write_and_told_behind_it(path, count):
    """The file stays as it is until the turn; the kernel is asked once, and has all of them before anybody is told."""
    journal = opened(path)
    seen: list[tuple[int, int, int]] = []
    before, began = files(path)[0].read_bytes(), writes()

    def told(error):
        assert error is None
        seen.append((len(seen), size(path), writes() - began))

    for number in range(count):
        journal.announce(an_intent(number), told)
    journal.exchange(a_record(count))
    assert (files(path)[0].read_bytes(), writes(), seen) == (before, began, [])
    await turn()
    whole = size(path)
    assert seen == [(number, whole, 1) for number in range(count)]
    assert on_file(path, "intent") == list(range(count))
    await turn()
    assert (size(path), len(seen)) == (whole, count)
    journal.close()


async def test_outcomes_of_a_turn_stand_before_its_intents(path):
    """Both in their own order, however they came; nothing is told before both are there."""
    journal = opened(path)
    them = Exchanges(journal)
    them.announce(1, 2)
    await turn()
    them.announce(3)
    them.answered(2)
    them.announce(4)
    them.answered(1)
    await turn()
    assert kinds(path)[4:] == ["outcome", "outcome", "intent", "intent"]
    assert (on_file(path, "outcome"), on_file(path, "intent")) == ([2, 1], [1, 2, 3, 4])
    assert them.told == [(number, None) for number in (1, 2, 3, 4)]
    journal.close()
    assert of_kind(path, "stop")[0]["open"] == 2


@pytest.mark.parametrize("gone", [(), (1,), (3,), (2, 4), (1, 2, 3, 4)])
async def test_what_is_over_before_the_turn_has_no_intent(path, gone):
    """It would be in doubt for ever, and nobody is told; what is over of others, strangers too, drops nothing."""
    journal = opened(path)
    them = Exchanges(journal)
    them.announce(1, 2, 3, 4)
    them.gone(*gone, 8)
    them.answered(7)
    journal.exchange(a_record(9, admission=UNAUTHENTICATED, profile="", code="wrong-host", attempts=0))
    assert (journal.snapshot().waiting, journal.snapshot().seq) == (7 + len(gone), 2)
    await turn()
    assert (journal.snapshot().waiting, journal.snapshot().seq) == (0, 8)
    left = [number for number in (1, 2, 3, 4) if number not in gone]
    assert (on_file(path, "intent"), them.served(), them.refused()) == (left, left, [])
    assert on_file(path, "outcome") == [*gone, 8, 7]
    journal.close()
    assert of_kind(path, "stop")[0]["open"] == len(left)


@pytest.mark.parametrize("room", [0, 1, 700, 1_500])
async def test_a_write_that_fails_refuses_all_of_its_turn(path, clock, room):
    """None of them is on file although some would have fitted; the outcomes are kept, and written when there is room.

    Who was refused leaves an outcome, and is no open exchange.
    """
    journal = opened(path, clock)
    them = Exchanges(journal)
    before = size(path)
    with no_file_longer_than(before + room):
        them.announce(1, 2, 3)
        them.answered(9)
        await turn()
        assert (them.refused(), them.served(), size(path)) == ([1, 2, 3], [], before)
        them.gone(1, 2, 3)
        them.announce(4)
        await turn()
        assert (them.refused(), journal.snapshot().waiting, size(path)) == ([1, 2, 3, 4], 4, before)
    clock.advance(BRAKE_SECONDS)
    them.announce(5)
    await turn()
    assert (them.served(), on_file(path, "intent"), on_file(path, "outcome")) == ([5], [5], [9, 1, 2, 3])
    journal.close()
    assert kinds(path)[2:] == [*["outcome"] * 4, "lost", "intent", "stop"]
    assert of_kind(path, "stop")[0]["open"] == 1


async def test_a_disk_that_is_full_refuses_whole_turns(small_disk, clock):  # noqa: F811 - the fixture
    """Every turn is on file as a whole or not at all, and whoever was told of a record has one."""
    path = small_disk / "journal"
    journal = opened(path, clock)
    them = Exchanges(journal)
    with capture_logs():
        for first in range(0, 600, 7):
            them.announce(*range(first, first + 7))
            await turn()
        journal.close()
    assert len(them.served()) + len(them.refused()) == len(them.told) == 602
    assert len(them.served()) % 7 == 0 < len(them.served()) < 602
    assert on_file(path, "intent") == them.served()


async def test_continue_tells_that_it_may_be_sent_and_writes_later(path, clock):
    """Who chose to go on is served; all is on file later, in the order of events, and one that is over stays away."""
    journal = opened(path, clock, on_failure="continue")
    them = Exchanges(journal)
    with no_file_longer_than(size(path)):
        for first in (1, 4):
            them.announce(first, first + 1, first + 2)
            them.answered(first + 90)
            them.gone(first + 1)
            await turn()
        assert them.told == [(1, None), (3, None), (4, None), (6, None)]
        assert journal.snapshot().waiting == 8
    clock.advance(1)
    journal.tick()
    assert kinds(path)[2:] == [*["outcome", "outcome", "intent", "intent"] * 2, "lost"]
    assert (on_file(path, "intent"), on_file(path, "outcome")) == ([1, 3, 4, 6], [91, 2, 94, 5])
    journal.close()


@pytest.mark.parametrize("on_failure", ["refuse", "continue"])
async def test_after_an_fsync_that_failed(path, clock, on_failure):
    """Changes are refused until the disk is known to hold what is written; who chose to go on is served."""
    desk = Desk(path, clock, fsync="interval", fsync_seconds=0.01, on_failure=on_failure)
    them = Exchanges(desk.journal)
    desk.disk.broken = True
    with capture_logs():
        await desk.settled(lambda: desk.journal.snapshot().failing)
        them.announce(1, 2)
        them.answered(9)
        await turn()
    wanted: tuple[list[int], list[int]] = ([], [1, 2]) if on_failure == "refuse" else ([1, 2], [])
    assert (them.served(), them.refused()) == wanted
    assert (on_file(path, "intent"), on_file(path, "outcome")) == (wanted[0], [9])
    desk.disk.broken = False
    clock.advance(1)
    with capture_logs():
        desk.journal.tick()
        await desk.settled(lambda: not desk.journal.snapshot().failing)
        them.announce(3)
        await turn()
    assert them.told[-1] == (3, None)
    desk.journal.close()


async def test_who_is_told_may_announce_again(path):
    """It is for the next turn: nothing is lost, written twice or told within the same one."""
    journal = opened(path)
    them = Exchanges(journal)
    journal.announce(an_intent(1), lambda _: them.announce(3, 4))
    them.announce(2)
    await turn()
    assert (on_file(path, "intent"), them.served()) == ([1, 2], [2])
    await turn()
    assert (on_file(path, "intent"), them.served()) == ([1, 2, 3, 4], [2, 3, 4])
    await turn()
    assert len(them.told) == 3
    journal.close()


async def test_who_is_told_may_end_another_exchange(path):
    """One of the same turn keeps its intent and gets its outcome behind it; one of the next turn has no intent."""
    journal = opened(path)
    them = Exchanges(journal)

    def told(_error):
        them.announce(4, 5)
        them.gone(1, 3, 4)

    them.announce(1)
    journal.announce(an_intent(2), told)
    them.announce(3)
    await turn()
    await turn()
    assert on_file(path, "intent") == [1, 2, 3, 5]
    assert kinds(path)[2:] == [*["intent"] * 3, *["outcome"] * 3, "intent"]
    journal.close()
    assert of_kind(path, "stop")[0]["open"] == 2


@pytest.mark.parametrize("on_failure", ["refuse", "continue"])
async def test_what_is_announced_at_the_end_is_not_written(path, on_failure):
    """Nothing is sent any more: nobody is told, nothing is touched after the end, and no exchange is open for it."""
    journal = opened(path, on_failure=on_failure)
    them = Exchanges(journal)
    them.announce(1, 2)
    them.answered(9)
    with capture_logs() as logs:
        journal.close()
        await turn()
        await turn()
    assert (kinds(path)[2:], of_kind(path, "stop")[0]["open"], them.told) == (["outcome", "stop"], 0, [])
    assert [event["event"] for event in logs] == ["journal-head"]


async def test_where_the_disk_must_have_it_who_is_over_meanwhile_stays_on_file(path, clock):
    """Written and then given up, an exchange has intent and outcome; all others of its turn are told as ever."""
    desk = Desk(path, clock)
    them = Exchanges(desk.journal)
    desk.disk.gate.clear()
    them.announce(1, 2)
    await turn()
    them.gone(1)
    them.announce(3)
    await turn()
    assert (on_file(path, "intent"), on_file(path, "outcome"), them.told) == ([1, 2, 3], [1], [])
    desk.disk.gate.set()
    await desk.settled(lambda: len(them.told) == 3)
    assert (them.served(), of_kind(path, "intent")[2]["seq"]) == ([1, 2, 3], desk.journal.snapshot().seq)
    desk.journal.close()
    assert of_kind(path, "stop")[0]["open"] == 2


@pytest.mark.parametrize("seed", range(5))
async def test_any_order_of_events(path, seed):
    """Whoever was told has one intent, whoever was over has none, and no intent stands behind its outcome."""
    dice = random.Random(seed)  # noqa: S311 - accidents that can be had again
    journal = opened(path, segment_bytes=65_536)
    them = Exchanges(journal)
    waiting: set[int] = set()
    over: set[int] = set()
    for number in range(400):
        them.announce(number)
        waiting.add(number)
        if not dice.randrange(3):
            leaving = dice.choice(sorted(waiting))
            waiting.remove(leaving)
            over.add(leaving)
            them.gone(leaving)
        if not dice.randrange(4):
            await turn()
            waiting.clear()
        if not dice.randrange(9):
            ended = sorted({*them.served()} - over)[:5]
            over.update(ended)
            them.answered(*ended)
    await turn()
    journal.close()
    lines = chained_lines(path)
    places = {(line["record"], line.get("id")): line["seq"] for line in lines}
    assert on_file(path, "intent") == them.served() == sorted({*them.served()})
    for number in range(400):
        intent, outcome = places.get(("intent", the_id(number))), places.get(("outcome", the_id(number)))
        assert (intent is None) == (number not in them.served())
        assert (outcome is None) == (number not in over)
        assert intent is None or outcome is None or intent < outcome
    assert lines[-1]["open"] == len({*them.served()} - over)


async def test_who_follows_is_told_of_a_turn_once_it_is_on_record(path):
    """All of a turn together, strangers too, after the lines are in the kernel's hands; at the end, what is left."""
    journal = opened(path)
    them = Exchanges(journal)
    seen: list[tuple[list[str], list[int]]] = []
    journal.follow(lambda records: seen.append(([it.request_id for it in records], on_file(path, "outcome"))))
    stranger = a_record(9, admission=UNAUTHENTICATED, profile="", code="wrong-host", attempts=0)
    them.answered(1, 2)
    journal.exchange(stranger)
    them.announce(3)
    assert seen == []
    await turn()
    assert seen == [([the_id(1), the_id(2), the_id(9)], [1, 2])]
    them.announce(4)
    await turn()
    assert len(seen) == 1
    them.answered(3)
    journal.settle()
    assert seen[1:] == [([the_id(3)], [1, 2, 3])]
    journal.close()
    assert len(seen) == 2


async def test_who_follows_is_told_although_nothing_can_be_written(path):
    """What can be seen does not end with what can be proven."""
    journal = opened(path)
    seen: list[str] = []
    journal.follow(lambda records: seen.extend(it.request_id for it in records))
    with capture_logs(), no_file_longer_than(size(path)):
        Exchanges(journal).answered(1)
        await turn()
    assert (seen, on_file(path, "outcome")) == ([the_id(1)], [])
    journal.close()


async def test_a_fault_of_ours_strands_nobody(path, clock):
    """Whoever is announced is told, whatever is met: a day without a tomorrow stands for any fault."""
    journal = opened(path, clock)
    exchanges = Exchanges(journal)
    clock.advance(253_402_300_799 - NOON)
    with capture_logs() as logs:
        exchanges.announce(1, 2)
        await asyncio.sleep(0)
    assert [(number, error and error.code) for number, error in exchanges.told] == [
        (1, "internal-error"), (2, "internal-error"),
    ]  # fmt: skip
    assert [event["event"] for event in logs] == ["journal-fault"]
    clock.advance(NOON - 253_402_300_799)
    journal.close()


async def test_a_fault_of_ours_in_a_line_strands_nobody_either(path):
    """A record that cannot become a line stands for it: the others of its turn are answered, and the log tells."""
    journal = opened(path)
    exchanges = Exchanges(journal)
    seen: list[str] = []
    journal.follow(lambda records: seen.extend(it.request_id for it in records))
    with capture_logs() as logs:
        journal.exchange(a_record(7, token="\ud800"))
        exchanges.announce(1, 2)
        await turn()
        exchanges.announce(3)
        await turn()
    assert [(number, error and error.code) for number, error in exchanges.told] == [
        (1, "internal-error"), (2, "internal-error"), (3, None),
    ]  # fmt: skip
    assert ([event["event"] for event in logs], seen) == (["journal-fault"], [the_id(7)])
    journal.close()
    assert on_file(path, "intent") == [3]
