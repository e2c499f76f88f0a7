"""Old segments go whole, oldest first, and the journal says what went."""

from __future__ import annotations

import asyncio
import json
import os
from hashlib import sha256

import pytest
from structlog.testing import capture_logs

from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from fla_gateway.journal.writer.retention import Contents, believed, last_known, outdated
from tests.support.journal_writer import DAY, NOON, an_intent, audit, files, intend, of_kind, opened
from tests.support.tokens import HandClock
from tests.support.waiting import eventually

# NOON is that of 2026-11-22.
SEGMENTS = [Segment(number, f"202611{number:02d}") for number in range(1, 22)]


def evening(segment) -> Contents:
    """A segment that was written until late."""
    return Contents(segment, segment.number * 10, segment.number * 10 + 9, "h", f"{segment.date}T23:00:00.000Z")


@pytest.mark.parametrize(("days", "last"), [(30, 0), (7, 14), (1, 20), (22, 0), (21, 0), (20, 1)])
def test_what_is_older_goes(days, last):
    """A segment goes when its last record, not its first, is older than so many days, to the second."""
    gone = [one.segment.number for one in outdated(SEGMENTS, evening, NOON, days)]
    assert gone == list(range(1, last + 1))


def test_a_gap_is_never_made():
    """A segment that was written for long keeps those after it."""

    def look(segment):
        return evening(segment)._replace(time="2026-11-22T01:00:00.000Z" if segment.number == 3 else "2026-11-01")

    assert [one.segment.number for one in outdated(SEGMENTS, look, NOON, 7)] == [1, 2]


def test_a_segment_whose_end_cannot_be_read_is_as_old_as_the_next():
    """Damage makes nothing go too early, and nothing stay for ever."""
    unreadable = lambda segment: evening(segment)._replace(time="")  # noqa: E731 - one line says it
    assert [one.segment.number for one in outdated(SEGMENTS, unreadable, NOON, 7)] == list(range(1, 14))


def test_a_segment_of_a_clock_that_was_ahead_is_as_old_as_the_next():
    """Its name and its last record are of a year to come: it keeps neither itself nor what follows for ever."""
    ahead = [*SEGMENTS[:2], Segment(3, "20990101"), *SEGMENTS[3:]]
    assert [one.segment.number for one in outdated(ahead, evening, NOON, 7)] == list(range(1, 15))
    assert [one.segment.number for one in outdated(ahead, evening, NOON, 19)] == [1, 2]


@pytest.mark.parametrize(
    ("time", "passed"),
    [("2026-11-21T23:00:00.000Z", NOON - 13 * 3600), ("", NOON - 1.5 * DAY), ("so late", NOON - 1.5 * DAY)],
)
def test_a_clock_is_believed_for_a_month(time, passed):
    """From the last record on that can be read, or from the beginning of its segment."""
    known = last_known(Contents(SEGMENTS[-1], 1, 2, "h", time))
    assert known == passed
    assert believed(NOON, known) == NOON
    assert believed(NOON + 3650 * DAY, known) == passed + 31 * DAY


def test_young_segments_are_not_even_read():
    """The daily look costs no more than what it removes."""
    looked = []

    def look(segment):
        looked.append(segment.number)
        return evening(segment)

    assert len(list(outdated(SEGMENTS, look, NOON, 18))) == 3
    assert looked == [1, 2, 3]


def told(logs, name):
    """Give the events of a name."""
    return [event for event in logs if event["event"] == name]


async def test_old_segments_go_at_start_and_each_day(tmp_path):
    """The record names what goes before it goes, with its head; what is left still verifies."""
    path, clock = tmp_path / "journal", HandClock(wall=NOON)
    journal = opened(path, clock, retention_days=3)
    for number in range(3):
        await intend(journal, an_intent(number))
        clock.advance(DAY)
    journal.close()
    ends = {}
    for file in files(path):
        raw = file.read_bytes().split(b"\n")[-2]
        ends[file.name] = (json.loads(raw)["seq"], sha256(raw).hexdigest())
    clock.advance(DAY)
    with capture_logs() as logs:
        journal = opened(path, clock, retention_days=3)
        await eventually(lambda: told(logs, "journal-retention"))
        clock.advance(DAY)
        journal.tick()
        await eventually(lambda: len(told(logs, "journal-retention")) == 2)
        journal.close()
    names = [file.name for file in files(path)]
    assert [name[:8] for name in names] == ["00000003", "00000004", "00000005", "00000006"]
    first, second = of_kind(path, "retention")
    assert [one["segment"] for one in first["segments"]] == [1]
    assert [(one["first_seq"], one["last_seq"], one["head"]) for one in second["segments"]] == [
        (4, *ends["00000002-20261123.jsonl"])
    ]
    assert verify(read_segments(path, segments_of(path))).count == 0
    assert [event["segments"] for event in told(logs, "journal-retention")] == [1, 1]


async def test_another_number_of_days_holds_at_once(tmp_path):
    """As at a start: what is too old by it goes, with its record."""
    path, clock = tmp_path / "journal", HandClock(wall=NOON)
    journal = opened(path, clock)
    for number in range(3):
        await intend(journal, an_intent(number))
        clock.advance(2 * DAY)
    with capture_logs() as logs:
        journal.follow_settings(audit(path, retention_days=5))
        journal.tick()
        await eventually(lambda: told(logs, "journal-retention"))
        journal.close()
    assert [one["segment"] for one in of_kind(path, "retention")[0]["segments"]] == [1]
    assert files(path)[0].name.startswith("00000002")


async def looked(journal):
    """Wait for a look that removes nothing: the journal's one thread has done something else since."""
    await asyncio.get_running_loop().run_in_executor(journal._executor, int)
    await asyncio.sleep(0)


async def test_a_clock_that_is_years_ahead_for_a_day_removes_nothing(tmp_path):
    """At a start, at another one, and while the gateway runs; once it is right again, the journal goes on as before."""
    path, clock = tmp_path / "journal", HandClock(wall=NOON)
    for number in range(2):
        journal = opened(path, clock)
        await intend(journal, an_intent(number))
        journal.close()
        clock.advance(DAY)
    years = 10 * 366 * DAY
    clock.advance(years)
    for _ in range(2):
        journal = opened(path, clock)
        await looked(journal)
        journal.close()
    clock.advance(-years)
    journal = opened(path, clock)
    clock.advance(years)
    journal.tick()
    await looked(journal)
    clock.advance(-years)
    journal.tick()
    await intend(journal, an_intent(3))
    journal.close()
    assert of_kind(path, "retention") == []
    days = [file.name[9:17] for file in files(path)]
    assert days == ["20261122", "20261123", "20361201", "20261124"]
    assert verify(read_segments(path, segments_of(path))).count == 0


@pytest.mark.parametrize("torn", [False, True])
async def test_a_file_that_was_written_lately_speaks_for_the_clock(tmp_path, torn):
    """A journal that was restored after years is judged at the first start; a repair by this start proves nothing."""
    path, clock = tmp_path / "journal", HandClock(wall=NOON)
    opened(path, clock).close()
    clock.advance(4_000 * DAY)
    (old,) = files(path)
    if torn:
        old.write_bytes(old.read_bytes() + b'{"prev"')
    os.utime(old, (clock.wall(), clock.wall()))
    journal = opened(path, clock)
    await looked(journal)
    await looked(journal)
    journal.close()
    assert len(of_kind(path, "retention")) == (not torn)


async def test_a_segment_of_a_day_to_come_is_left_when_the_clock_goes_back(tmp_path):
    """It would be written for years otherwise, and be kept for as long, with all that is in it."""
    clock = HandClock(wall=NOON)
    journal = opened(tmp_path, clock)
    clock.advance(3650 * DAY)
    journal.tick()
    await intend(journal, an_intent(1))
    clock.advance(-3650 * DAY)
    journal.tick()
    await intend(journal, an_intent(2))
    journal.close()
    dates = [file.stem.partition("-")[2] for file in files(tmp_path)]
    assert (len(dates), dates[0], dates[2]) == (3, "20261122", "20261122")
    verdict = verify(read_segments(tmp_path, segments_of(tmp_path)))
    assert (verdict.count, verdict.findings) == (0, [])


async def test_the_open_segment_is_never_removed(tmp_path):
    """However old it is: a gateway without traffic keeps the end of its chain."""
    path, clock = tmp_path / "journal", HandClock(wall=NOON)
    journal = opened(path, clock, retention_days=1)
    clock.advance(40 * DAY)
    journal.tick()
    await looked(journal)
    assert len(files(path)) == 1
    journal.close()


async def test_what_cannot_be_looked_at_is_told(tmp_path):
    """The gateway goes on; the operator learns that old records are still there, and why."""
    path, clock = tmp_path / "journal", HandClock(wall=NOON)
    opened(path, clock).close()
    clock.advance(2 * DAY)
    opened(path, clock).close()
    old = files(path)[0]
    old.rename(tmp_path / "kept")
    old.symlink_to(tmp_path / "kept")
    clock.advance(40 * DAY)
    with capture_logs() as logs:
        journal = opened(path, clock, retention_days=1)
        await eventually(lambda: told(logs, "journal-retention-failed"))
        journal.close()
    (event,) = told(logs, "journal-retention-failed")
    assert event["reason"] == "Too many levels of symbolic links"
    assert of_kind(path, "retention") == []
