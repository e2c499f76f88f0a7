"""The same body, sent to the same place within a day, is a warning and nothing more."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from fla_gateway.journal.writer.repeated_declarations import EVENTS_A_MINUTE, MOST, RepeatedDeclarations, Sent
from tests.support.journal_writer import DAY, NOON, PATH, a_record, an_intent, crash, intend, opened, the_id
from tests.support.tokens import HandClock


def warned(events):
    """Give which request repeats which."""
    return [(it["request_id"], it["earlier"]) for it in events if it["event"] == "declaration-repeated"]


def hash_of(journal, body):
    """Give the hash by which a journal knows a body."""
    hashing = journal.begin_hash()
    hashing.update(body)
    return hashing.digits()


async def sent(journal, number, *, body=b"{}", end=None, **changes):
    """Send a declaration, and have it answered in a way."""
    await intend(journal, an_intent(number, body=body, **changes))
    if end is not None:
        journal.exchange(a_record(number, received=len(body), **(changes | end)))
        await asyncio.sleep(0)


async def test_an_equal_body_to_the_same_place_is_a_warning(tmp_path):
    """It names the one before, whatever became of that; the request is sent all the same."""
    journal = opened(tmp_path / "journal")
    with capture_logs() as events:
        await sent(journal, 1, end={"status": 201})
        await sent(journal, 2, end={"status": 503})
        await sent(journal, 3)
    assert warned(events) == [(the_id(2), the_id(1)), (the_id(3), the_id(2))]
    assert hash_of(journal, b"{}") not in str(events)
    crash(journal)


@pytest.mark.parametrize(
    "other", [{"body": b"{ }"}, {"profile": "hr"}, {"path": PATH + b"/1"}, {"method": b"PUT"}, {"body": b""}]
)
async def test_another_body_or_another_place_is_none(tmp_path, other):
    """Nor is a request without a body."""
    journal = opened(tmp_path / "journal")
    with capture_logs() as events:
        await sent(journal, 1, **({"body": b""} if other == {"body": b""} else {}))
        await sent(journal, 2, **other)
    assert warned(events) == []
    crash(journal)


async def test_each_place_that_a_body_goes_to_has_its_own_memory(tmp_path):
    """One that went to two of them is a repetition at either."""
    journal = opened(tmp_path / "journal")
    with capture_logs() as events:
        for number, profile in enumerate(("employer", "hr", "employer", "hr", "other")):
            await sent(journal, number, profile=profile)
    assert warned(events) == [(the_id(2), the_id(0)), (the_id(3), the_id(1))]
    crash(journal)


@pytest.mark.parametrize(
    "end", [{"status": 400}, {"status": 502, "origin": "network", "outcome": "not-sent", "attempts": 0}]
)
async def test_what_the_api_refused_and_what_was_not_sent_does_not_count(tmp_path, end):
    """It was corrected elsewhere, or is sent for the first time now."""
    journal = opened(tmp_path / "journal")
    with capture_logs() as events:
        await sent(journal, 1, end=end)
        await sent(journal, 2)
    assert warned(events) == []
    crash(journal)


async def test_a_body_that_streamed_is_known_at_its_end(tmp_path):
    """The warning comes then."""
    journal = opened(tmp_path / "journal")
    with capture_logs() as events:
        await sent(journal, 1)
        await intend(journal, an_intent(2))
        journal.exchange(a_record(2, body=hash_of(journal, b"{}")))
        await asyncio.sleep(0)
    assert warned(events) == [(the_id(2), the_id(1))]
    crash(journal)


async def test_a_day_later_it_is_another_declaration(tmp_path):
    """Within a day it is a warning."""
    clock = HandClock(wall=NOON)
    journal = opened(tmp_path / "journal", clock)
    with capture_logs() as events:
        await sent(journal, 1)
        clock.advance(DAY - 1)
        await sent(journal, 2)
        clock.advance(DAY)
        await sent(journal, 3)
    assert warned(events) == [(the_id(2), the_id(1))]
    crash(journal)


async def test_a_start_takes_over_what_the_journal_has_of_the_last_day(tmp_path):
    """But for what was refused, and what is older."""
    clock = HandClock(wall=NOON)
    journal = opened(tmp_path / "journal", clock)
    await sent(journal, 1, body=b"a")
    clock.advance(DAY)
    await sent(journal, 2, end={})
    await sent(journal, 3, body=b"b", end={"status": 422})
    crash(journal)
    journal = opened(tmp_path / "journal", clock)
    await journal.find_doubts()
    with capture_logs() as events:
        for number, body in ((4, b"{}"), (5, b"b"), (6, b"a")):
            await sent(journal, number, body=body)
    assert warned(events) == [(the_id(4), the_id(2))]
    crash(journal)


def test_a_path_that_looks_masked_is_not_the_masked_one():
    """What a caller writes is never taken for what the journal remembers of another path."""
    repeated = RepeatedDeclarations(b"k" * 32)
    repeated.recall([Sent("b" * 16, "employer", "POST", "/x/~0123456789ab", the_id(1), NOON)])
    with capture_logs() as events:
        repeated.announced([an_intent(2, path=b"/x/~0123456789ab")], ["b" * 16], NOON + 1)
        repeated.announced([an_intent(3, path=b"/x/~0123456789ab")], ["b" * 16], NOON + 2)
    assert warned(events) == [(the_id(3), the_id(2))]


def test_memory_and_events_are_bounded():
    """The oldest body goes first; beyond sixty events a minute they are counted."""
    repeated = RepeatedDeclarations(b"k" * 32)
    with capture_logs() as events:
        numbers = range(MOST + 1)
        repeated.announced(map(an_intent, numbers), [f"{number:016x}" for number in numbers], NOON)
        repeated.announced([an_intent(7)], [f"{0:016x}"], NOON)
        for _ in range(EVENTS_A_MINUTE + 5):
            repeated.announced([an_intent(7)], [f"{0:016x}"], NOON + 1)
        repeated.announced([an_intent(7)], [f"{0:016x}"], NOON + 61)
    assert len(events) == EVENTS_A_MINUTE + 1
    assert events[-1]["unlogged"] == 5
