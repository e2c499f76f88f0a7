"""Equal bodies are compared in memory that does not depend on the journal, and none is left out."""

from __future__ import annotations

import random
import resource
import sqlite3
from collections import deque
from contextlib import contextmanager
from datetime import datetime, timedelta
from tempfile import TemporaryFile

import pytest

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import read
from fla_gateway.journal.reader.block_predicates import Bodies
from fla_gateway.journal.reader.exchange_history import Exchange, History
from fla_gateway.journal.reader.repetitions import repeated
from fla_gateway.journal.reader.segments.body_index import BodyIndex
from fla_gateway.journal.reader.segments.body_marks import BodyMarks
from fla_gateway.journal.reader.segments.read_results import Entry
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_again, read_filtered, read_segments, read_wanted
from tests.journal.reader.test_wanted_lines import busy, odd
from tests.support.journals import BEGINNING, EXCHANGE, JournalBuilder, write, written

DAY = timedelta(days=1)
MANY = 1_500


def index_of(path, marks, hashes, size=2_000):
    """Note the bodies of a journal."""
    index = BodyIndex(marks, hashes)
    deque(read_filtered(path, segments_of(path), index, size), maxlen=0)
    return index


def exchanges(path, marks, size=2_000):
    """Read what came again, or where that is not known what the marks say may have come again."""
    with TemporaryFile() as hashes:
        blocks = index_of(path, marks, hashes, size).repetitive()
    everything = read_wanted(path, segments_of(path), Bodies(marks), size)
    return History(everything if blocks is None else read_again(path, blocks), lambda: False, "")


def carried(number, body):
    """Make an exchange that has not ended."""
    members = {**EXCHANGE, "id": f"{number:08d}-0000-4000-8000-000000000000", "body": body, "reference": "x" * 2_000}
    return Exchange(read(write("", 1, written(BEGINNING + timedelta(seconds=number)), "intent", members)), None)


def sent_at_any_time(path, seed):
    """Write declarations of a few bodies over a week; some end late, some never, and the clock is set back at times."""
    journal, choice = JournalBuilder(path), random.Random(seed)  # noqa: S311 - an example, not a secret
    running: list[str] = []
    for _ in range(120):
        journal.now += timedelta(minutes=choice.choice([1, 20, 200, -90]))
        act = choice.random()
        body = f"{choice.randrange(30):016x}"
        if act < 0.5:
            running.append(journal.intent(body=body, profile=choice.choice(["employer", "secretariat"])))
        elif act < 0.9 and running:
            profile = {"profile": choice.choice(["employer", "secretariat"])} if choice.random() < 0.1 else {}
            journal.outcome(
                running.pop(choice.randrange(len(running))), attempts=choice.choice([0, 1, 1, 2]), **profile
            )
        elif act < 0.97:
            journal.outcome("", body=body)
        else:
            journal.start("again")
            running.clear()
    return journal.directory


def expected(path):
    """Compare each with each."""
    found = History(read_segments(path, segments_of(path)), lambda: False, "")
    known = [it for it in found if it.body and (it.outcome is None or it.number("attempts"))]
    return {
        one.text("id")
        for one in known
        if any(
            one is not other
            and (one.body, *map(one.text, ("profile", "method", "path")))
            == (other.body, *map(other.text, ("profile", "method", "path")))
            and abs(datetime.fromisoformat(one.time) - datetime.fromisoformat(other.time)) <= DAY
            for other in known
        )
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("size", "most"), [(1, 1_000), (12, 1_000), (12, 3)])
@pytest.mark.parametrize("block", [700, 100_000])
def test_whatever_repeats_within_a_day_is_shown(tmp_path, seed, size, most, block):
    """In whatever order exchanges end, and however few the marks are, the answer is that of each compared with each."""
    path = sent_at_any_time(tmp_path / "journal", seed)
    shown = [(it.body, it.text("id")) for it in repeated(exchanges(path, BodyMarks(size, most), block), kibibytes=16)]
    wanted = expected(path)
    assert wanted
    assert sorted(identity for _, identity in shown) == sorted(wanted)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [busy, odd])
@pytest.mark.parametrize("size", [700, 5_000])
def test_two_readings_answer_as_one_that_reads_every_line(tmp_path, make, seed, size):
    """Over segments and runs, with lines that no writer makes, and with bodies that are noted with the outcome."""
    path = make(tmp_path / "journal", seed).directory
    whole = History(read_segments(path, segments_of(path)), lambda: False, "")
    assert list(repeated(exchanges(path, BodyMarks(12), size))) == list(repeated(whole))


def test_blocks_without_what_came_again_are_not_read_again(tmp_path):
    """Where nothing came again nothing is read; else the blocks of it, and those up to the outcome."""
    journal = JournalBuilder(tmp_path / "journal")
    for number in range(60):
        journal.get()
        journal.outcome(journal.intent(body=f"{number:016x}"))
    with TemporaryFile() as hashes:
        index = index_of(journal.directory, BodyMarks(1), hashes)
        assert not list(exchanges(journal.directory, BodyMarks(1)))
        assert not any(map(index.repetitive().needs, range(1_000)))
    open_long = journal.intent(body=f"{7:016x}")
    for _ in range(10):
        journal.get()
    journal.outcome(open_long)
    with TemporaryFile() as hashes:
        blocks = index_of(journal.directory, BodyMarks(1), hashes).repetitive()
        found = [one.line.members for one in read_again(journal.directory, blocks) if isinstance(one, Entry)]
    assert [it.get("body", it["record"]) for it in found] == [f"{7:016x}", "outcome"] * 2
    assert found[2]["id"] == found[3]["id"] == open_long


def test_the_intent_of_a_body_that_came_late_is_read_again(tmp_path):
    """A body that was still coming is in the outcome; when it was sent is in the intent, blocks before."""
    journal = JournalBuilder(tmp_path / "journal")
    first = journal.intent()
    for _ in range(10):
        journal.post()
    journal.outcome(first, body="0011223344556677")
    second = journal.outcome(journal.intent(body="0011223344556677"))
    found = list(repeated(exchanges(journal.directory, BodyMarks(12))))
    assert [it.text("id") for it in found] == [first, second]
    assert all(it.intent for it in found)


def test_a_run_that_ended_is_not_read_on(tmp_path):
    """What was open when a gateway was killed has no outcome: the journal behind is passed over."""
    journal = JournalBuilder(tmp_path / "journal")
    lost = journal.intent(body="0011223344556677")
    journal.start("again")
    again = journal.outcome(journal.intent(body="0011223344556677"))
    for _ in range(20):
        journal.post()
    with TemporaryFile() as hashes:
        blocks = index_of(journal.directory, BodyMarks(12), hashes).repetitive()
        found = History(read_again(journal.directory, blocks), lambda: False, "")
        assert [it.text("id") for it in repeated(found)] == [lost, again]
    assert not blocks.needs(3)


def test_a_declaration_without_outcome_that_was_sent_again_is_shown(tmp_path):
    """The first is known to have no outcome only when the gateway starts again, days after the second had ended."""
    journal = JournalBuilder(tmp_path / "journal")
    lost = journal.intent(body="0011223344556677")
    again = journal.outcome(journal.intent(body="0011223344556677"))
    journal.now += 3 * DAY
    journal.start("again")
    found = repeated(exchanges(journal.directory, BodyMarks(12)))
    assert [it.text("id") for it in found] == [lost, again]


def test_equal_ones_are_together(tmp_path):
    """Whatever was sent between two equal ones is not between them in the answer."""
    journal = JournalBuilder(tmp_path / "journal")
    sent = [journal.outcome(journal.intent(body=f"{number % 2:016x}")) for number in range(6)]
    found = repeated(exchanges(journal.directory, BodyMarks(12)))
    assert [it.text("id") for it in found] == [*sent[::2], *sent[1::2]]


@contextmanager
def little_memory_of_sqlite(most):
    """Let SQLite fail beyond."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"PRAGMA hard_heap_limit = {most}")
        try:
            yield
        finally:
            connection.execute("PRAGMA hard_heap_limit = 0")
    connection.close()


def test_memory_does_not_depend_on_the_number_of_equal_bodies():
    """Four megabytes of equal declarations are compared in less than three, which is what sorting takes at least."""
    with little_memory_of_sqlite(2_500_000):
        found = repeated((carried(it, f"{it // 2:016x}") for it in range(MANY)), kibibytes=64)
        assert sum(1 for _ in found) == MANY
        with pytest.raises(MemoryError):
            list(repeated((carried(it, f"{it // 2:016x}") for it in range(MANY)), kibibytes=100_000))


def test_a_disk_without_room_is_said():
    """Where the temporary file cannot grow there is no answer, rather than part of one."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(JournalError, match="temporary file"):
            list(repeated((carried(it, "0011223344556677") for it in range(MANY)), kibibytes=64))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
