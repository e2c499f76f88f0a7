"""What is written when: intents at once, outcomes with the turn, strangers added up, start and stop."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from fla_gateway.access.authentication.caller import ANONYMOUS, UNAUTHENTICATED
from fla_gateway.journal.reader.exchange_history import History
from fla_gateway.journal.reader.in_doubt import reason
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from fla_gateway.journal.snapshot import Settlement
from fla_gateway.proxy.records.exchange_record import Journal, Notes, Observer
from tests.support.journal_writer import (
    DAY,
    NOON,
    a_record,
    an_intent,
    chained_lines,
    crash,
    files,
    intend,
    kinds,
    of_kind,
    opened,
    the_id,
)
from tests.support.tokens import HandClock
from tests.support.waiting import eventually


async def test_a_run_begins_and_ends_with_its_records(path):
    """Start and stop name the run, the program and the configuration; the first line of all has no predecessor."""
    journal = opened(path)
    journal.close()
    segment, start, stop = chained_lines(path)
    assert (segment["prev"], segment["seq"], segment["segment"], segment["version"]) == ("0" * 64, 1, 1, "9.9.9")
    assert (start["version"], start["configuration"]) == ("9.9.9", "c0ffee")
    assert stop["run"] == start["run"]
    assert (start["time"], stop["open"]) == ("2026-11-22T12:00:00.000Z", 0)
    opened(path).close()
    assert len({line["run"] for line in of_kind(path, "start")}) == 2


async def test_it_is_what_the_data_path_asks_for(path):
    """The class has the shape of both ports."""
    journal = opened(path)
    as_journal: Journal = journal
    as_observer: Observer = journal
    assert callable(as_journal.announce)
    assert callable(as_observer.exchange)
    journal.close()


async def test_an_intent_is_on_file_when_the_call_returns(path):
    """No turn of the loop is needed: the kernel has it before the first byte can go upstream."""
    journal = opened(path)
    await intend(journal, an_intent(7))
    (found,) = of_kind(path, "intent")
    assert found["id"] == the_id(7)
    journal.close()


async def test_outcomes_are_written_with_the_next_turn_of_the_loop(path):
    """All of a turn go together, in their order."""
    journal = opened(path)
    for number in range(20):
        journal.exchange(a_record(number))
    assert of_kind(path, "outcome") == []
    assert journal.snapshot().waiting == 20
    await asyncio.sleep(0)
    assert [line["id"] for line in of_kind(path, "outcome")] == [the_id(number) for number in range(20)]
    assert journal.snapshot().waiting == 0
    journal.close()


async def test_an_intent_takes_the_waiting_outcomes_along(path):
    """The order of the journal is the order of events."""
    journal = opened(path)
    journal.exchange(a_record(1))
    await intend(journal, an_intent(2))
    assert kinds(path)[2:] == ["outcome", "intent"]
    await asyncio.sleep(0)
    journal.close()
    assert kinds(path)[2:] == ["outcome", "intent", "stop"]


async def test_what_waits_at_the_end_is_written(path):
    """Closing needs no turn of the loop either; the stop counts the exchanges that are still open."""
    journal = opened(path)
    await intend(journal, an_intent(1))
    await intend(journal, an_intent(2))
    journal.exchange(a_record(1))
    journal.close()
    assert kinds(path)[2:] == ["intent", "intent", "outcome", "stop"]
    assert of_kind(path, "stop")[0]["open"] == 1


async def test_refusals_of_strangers_are_added_up(path):
    """However many knock, there is one record in a minute; known callers have a record of their own each."""
    clock = HandClock(wall=NOON)
    journal = opened(path, clock)
    refused = {"method": b"GET", "attempts": 0, "outcome": "refused", "origin": "gateway"}
    for number in range(500):
        code = "credentials-missing" if number % 5 else "wrong-host"
        journal.exchange(a_record(number, admission=UNAUTHENTICATED, profile="", code=code, status=401, **refused))
    journal.exchange(a_record(501, admission=ANONYMOUS, profile="", code="unknown-profile", status=404, **refused))
    journal.exchange(a_record(502, admission=ANONYMOUS, code="service-not-permitted", status=403, **refused))
    journal.exchange(a_record(503, profile="", code="unknown-profile", status=404, **refused))
    await asyncio.sleep(0)
    clock.advance(59)
    journal.tick()
    assert kinds(path)[2:] == ["outcome", "outcome"]
    clock.advance(1)
    journal.tick()
    (found,) = of_kind(path, "strangers")
    assert found["counts"] == {"wrong-host": 100, "credentials-missing": 400, "unknown-profile": 1}
    assert (found["since"], found["time"]) == ("2026-11-22T12:00:00.000Z", "2026-11-22T12:01:00.000Z")
    clock.advance(300)
    journal.tick()
    assert len(of_kind(path, "strangers")) == 1
    journal.exchange(a_record(504, admission=UNAUTHENTICATED, profile="", code="wrong-host", **refused))
    journal.close()
    assert of_kind(path, "strangers")[1]["counts"] == {"wrong-host": 1}


async def test_a_full_segment_is_followed_by_another(path):
    """Each begins with its own record, whose prev is the head of the one before."""
    journal = opened(path, segment_bytes=65_536)
    for number in range(350):
        await intend(journal, an_intent(number))
    journal.close()
    assert len(files(path)) == 3
    assert all(file.stat().st_size < 65_536 + 1_000 for file in files(path))
    firsts = [json.loads(file.read_bytes().split(b"\n")[0]) for file in files(path)]
    assert [(first["record"], first["segment"]) for first in firsts] == [("segment", 1), ("segment", 2), ("segment", 3)]
    assert len(of_kind(path, "intent")) == 350


async def test_each_day_begins_a_segment(path):
    """Days are those of UTC; the name says which, and a restart on the same day goes on in the same file."""
    clock = HandClock(wall=NOON + DAY / 2 - 1)
    journal = opened(path, clock)
    await intend(journal, an_intent(1))
    clock.advance(1)
    await intend(journal, an_intent(2))
    journal.close()
    opened(path, clock).close()
    clock.advance(DAY)
    opened(path, clock).close()
    assert [file.name for file in files(path)] == [
        "00000001-20261122.jsonl", "00000002-20261123.jsonl", "00000003-20261124.jsonl"
    ]  # fmt: skip
    assert kinds(path)[3:6] == ["segment", "intent", "stop"]


async def test_the_head_is_told_at_start_each_day_and_at_the_end(path):
    """A head that was kept elsewhere proves what stands before it; the log is such a place."""
    clock = HandClock(wall=NOON)
    with capture_logs() as logs:
        journal = opened(path, clock)
        await intend(journal, an_intent(1))
        journal.tick()
        clock.advance(DAY)
        journal.tick()
        snapshot = journal.snapshot()
        journal.close()
    told = [event for event in logs if event["event"] == "journal-head"]
    raws = b"".join(file.read_bytes() for file in files(path)).split(b"\n")[:-1]
    heads = [sha256(raw).hexdigest() for raw in raws]
    assert [event["occasion"] for event in told] == ["start", "day", "stop"]
    assert [heads.index(event["head"]) + 1 for event in told] == [event["seq"] for event in told] == [2, 3, 5]
    assert snapshot.daily_head == snapshot.head == heads[2]
    assert (snapshot.seq, snapshot.segment, snapshot.failing, snapshot.lost) == (3, 1, False, 0)


async def test_the_doubts_of_earlier_runs_are_found(path):
    """After a kill, the next start names what was begun and has no outcome, and nothing of its own run."""
    journal = opened(path)
    for number in (1, 2, 3):
        await intend(journal, an_intent(number, notes=Notes(reference=f'"record":"outcome","id":"{the_id(number)}"')))
    journal.exchange(a_record(2))
    await asyncio.sleep(0)
    crash(journal)
    journal = opened(path)
    await intend(journal, an_intent(4))
    found = await journal.find_doubts()
    doubts = found.newest
    assert [doubt.request_id for doubt in doubts] == [the_id(1), the_id(3)]
    assert (found.number, found.since) == (2, "2026-11-22T12:00:00.000Z")
    first = doubts[0]
    assert (first.time, first.caller, first.profile) == ("2026-11-22T12:00:00.000Z", "payroll", "employer")
    assert (first.method, first.path) == ("POST", "/REST/dimona/v2/declarations")
    assert first.reference == f'"record":"outcome","id":"{the_id(1)}"'
    journal.close()


async def test_what_is_settled_is_found_no_more_and_what_was_not_answered_is(path):
    """Whatever the reason of a doubt was; a GET that failed leaves none, nor does a POST that was answered."""
    journal = opened(path)
    unknown = {"outcome": "unknown", "origin": "network", "status": 504}
    ends: dict[int, dict[str, Any]] = {
        1: unknown,
        2: {"status": 503},
        3: unknown,
        4: {},
        5: {"status": 404},
        6: {"status": 503, "method": b"GET"},
    }
    for number, how in ends.items():
        if number not in {2, 6}:
            await intend(journal, an_intent(number))
        journal.exchange(a_record(number, **how))
    await intend(journal, an_intent(7))
    await intend(journal, an_intent(8))
    journal.settled([Settlement(the_id(it), "done") for it in (3, 8)], lambda _: None)
    crash(journal)
    journal = opened(path)
    found = await journal.find_doubts()
    assert [(it.request_id, it.reason) for it in found.newest] == [
        (the_id(1), "no-answer"), (the_id(2), "server-error"), (the_id(7), "no-outcome"),
    ]  # fmt: skip
    assert found.number == 3
    journal.close()


async def test_doubts_are_found_over_segments_and_within_bounds(path):
    """An outcome in a later segment settles an intent; a week is looked at, and a hundred are named."""
    clock = HandClock(wall=NOON - 8 * DAY)
    journal = opened(path, clock)
    await intend(journal, an_intent(1))
    clock.advance(2 * DAY)
    for number in range(2, 152):
        await intend(journal, an_intent(number))
    clock.advance(DAY)
    for number in range(2, 42):
        journal.exchange(a_record(number))
    await asyncio.sleep(0)
    crash(journal)
    clock.advance(5 * DAY)
    journal = opened(path, clock)
    doubts = await journal.find_doubts()
    assert [doubt.request_id for doubt in doubts.newest] == [the_id(number) for number in range(52, 152)]
    assert (doubts.number, doubts.since[:10]) == (110, "2026-11-16")
    journal.close()
    journal = opened(tmp := path.with_name("new"), clock)
    assert await journal.find_doubts() == (0, [], "", [])
    journal.close()
    assert kinds(tmp) == ["segment", "start", "stop"]


async def test_the_reading_side_understands_what_is_written(path):
    """Intents and outcomes of the writer make exchanges for the reader, and nothing about the chain is wrong."""
    journal = opened(path)
    await intend(journal, an_intent(1))
    await intend(journal, an_intent(2))
    journal.exchange(a_record(1))
    journal.exchange(a_record(3, method=b"GET"))
    journal.close()
    found = list(read_segments(path, segments_of(path)))
    verdict = verify(found, [journal.snapshot().head])
    assert (verdict.count, verdict.seq, verdict.head) == (0, 7, journal.snapshot().head)
    exchanges = list(History(found, lambda: False, ""))
    assert [(it.text("id"), it.word) for it in exchanges] == [
        (the_id(1), "answered"),
        (the_id(3), "answered"),
        (the_id(2), "no-outcome"),
    ]
    assert [reason(it) for it in exchanges] == ["", "", "no-outcome"]


async def test_a_journal_that_is_removed_goes_on_in_a_new_segment(path):
    """Lines that nobody could ever read again are not written: the loss is told, and what comes next is on file."""
    journal = opened(path)
    files(path)[0].unlink()
    with capture_logs() as logs:
        journal.tick()
    assert [event["event"] for event in logs] == ["journal-removed"]
    await intend(journal, an_intent(1))
    journal.close()
    assert [file.name for file in files(path)] == ["00000002-20261122.jsonl"]
    assert kinds(path) == ["segment", "intent", "stop"]


async def test_a_segment_that_is_cut_is_left_and_a_new_one_begun(path):
    """A program that rotates logs may cut the file under the writer: what comes next is in a segment that holds."""
    journal = opened(path)
    await intend(journal, an_intent(1))
    files(path)[0].write_bytes(b"")
    with capture_logs() as logs:
        journal.tick()
    assert [event["event"] for event in logs] == ["journal-removed"]
    await intend(journal, an_intent(2))
    journal.close()
    cut, last = files(path)
    assert cut.read_bytes() == b""
    assert [json.loads(line)["record"] for line in last.read_bytes().splitlines()] == ["segment", "intent", "stop"]


def descriptors(path) -> int:
    """Count the files of a journal, its directory included, that this process has open; others are none of its."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed since by its owner, another thread
            found += descriptor.readlink().is_relative_to(path)
    return found


async def test_no_descriptor_is_left_open(path):
    """A long run with many segments holds no more files than a short one, and none after its end."""
    journal = opened(path, segment_bytes=65_536)
    # Directory, lock and segment; the chore that looks for old segments has the directory open for a moment, too.
    await eventually(lambda: descriptors(path) == 3)
    for number in range(500):
        await intend(journal, an_intent(number))
    journal.tick()
    await eventually(lambda: descriptors(path) == 3)
    journal.close()
    assert descriptors(path) == 0


async def test_what_a_browser_asked_beforehand_is_no_refusal(path):
    """A preflight of CORS that was answered is nobody's, and nobody was refused: it leaves no record."""
    journal = opened(path)
    journal.exchange(
        a_record(1, admission=UNAUTHENTICATED, profile="", method=b"OPTIONS", origin="gateway", attempts=0, status=200)
    )
    journal.close()
    assert kinds(path) == ["segment", "start", "stop"]
