"""Reading the files of a journal, whole, torn and damaged."""

from __future__ import annotations

import json
import os
from datetime import date

import pytest

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import head_of
from fla_gateway.journal.reader.segments.line_entries import LONGEST_LINE
from fla_gateway.journal.reader.segments.read_results import Damaged, Entry, SegmentStart, Torn
from fla_gateway.journal.reader.segments.segment_files import foreign_files_of, is_written, segments_of, since
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from tests.support.journals import JournalBuilder


@pytest.fixture
def journal(tmp_path):
    """A journal with the record of its first segment."""
    return JournalBuilder(tmp_path / "journal")


def read_all(journal):
    """Give everything that is found."""
    return list(read_segments(journal.directory, segments_of(journal.directory)))


def of(kind, found):
    """Keep one kind."""
    return [one for one in found if isinstance(one, kind)]


def test_segments_are_read_in_the_order_of_their_numbers(journal):
    """Lines come in the order in which they were written, whatever the directory's order is."""
    for _ in range(11):
        journal.get()
        journal.segment()
    found = read_all(journal)
    assert [one.number for one in of(SegmentStart, found)] == list(range(1, 13))
    assert [one.line.members["seq"] for one in of(Entry, found)] == list(range(1, journal.seq + 1))


def test_only_segments_are_read(journal):
    """The lock, the key and whatever else lies there are no part of the journal; a misnamed segment is listed."""
    for name in ("lock", "mask.key", "notes.txt"):
        (journal.directory / name).write_text("x")
    (journal.directory / "00000002-20261399.jsonl").write_text("x")
    (journal.directory / "00000003-20261124.jsonl").mkdir()
    assert [segment.number for segment in segments_of(journal.directory)] == [1]
    assert foreign_files_of(journal.directory) == ("00000002-20261399.jsonl",)


def test_torn_last_line_of_the_last_segment_is_no_damage(journal):
    """A line that is being written, or that a crash cut off, is told apart from damage."""
    journal.get()
    journal.raw(b'{"prev":"00')
    found = read_all(journal)
    (torn,) = of(Torn, found)
    assert (torn.place.line, torn.size) == (3, 11)
    assert of(Damaged, found) == []
    assert len(of(Entry, found)) == 2


def test_torn_line_of_an_earlier_segment_is_told_as_well(journal):
    """A writer that could not cut it off goes on in another segment."""
    journal.raw(b'{"prev":"00')
    file = journal.file.name
    journal.segment()
    (torn,) = of(Torn, read_all(journal))
    assert str(torn.place) == f"{file}:2"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no JSON"),
        (b"no json", "no JSON"),
        (b"[]", "lacks prev"),
        (b'{"prev":"","seq":"1","time":"","record":""}', "lacks prev"),
        (b"\0" * 40, "no printable ASCII"),
        (b'{"prev":"\x1b[2J"}', "no printable ASCII"),
        ('{"prev":"\x9b2J"}'.encode(), "no printable ASCII"),
        (b"[" * LONGEST_LINE, "nested too deeply"),
        (b"9" * 10_000, "too many digits"),
        (b'{"prev":"","seq":' + b"9" * 19 + b',"time":"2026-11-23T08:00:00.000Z","record":"start"}', "too many digits"),
        (b'{"prev":"","seq":1,"time":"yesterday","record":"start"}', "a time that is none"),
        (b'{"prev":"","seq":1,"time":"2026-11-23T08:00:00.000Z\\n","record":"start"}', "a time that is none"),
    ],
)
def test_unreadable_line_is_found_with_its_place(journal, raw, words):
    """A line that no writer makes is a finding with file and line, and the lines around it are read."""
    journal.raw(raw + b"\n")
    journal.get()
    found = read_all(journal)
    (damaged,) = of(Damaged, found)
    assert str(damaged.place) == f"{journal.file.name}:2"
    assert words in damaged.reason
    assert damaged.head == head_of(raw)
    assert len(of(Entry, found)) == 2


@pytest.mark.parametrize("size", [LONGEST_LINE + 1, 3 * LONGEST_LINE, 3 * LONGEST_LINE + 1])
def test_line_that_is_too_long_is_found_and_passed_over(journal, size):
    """A line above the limit is a finding with the hash of all its bytes, and reading goes on after it."""
    journal.raw(b"x" * size + b"\n")
    journal.get()
    found = read_all(journal)
    (damaged,) = of(Damaged, found)
    assert "longer than" in damaged.reason
    assert damaged.head == head_of(b"x" * size)
    assert len(of(Entry, found)) == 2


@pytest.mark.parametrize("size", [1, LONGEST_LINE, LONGEST_LINE + 1, 3 * LONGEST_LINE])
def test_torn_line_may_have_any_size(journal, size):
    """What a crash leaves behind the last line break is a torn line, however long."""
    journal.raw(b"\0" * size)
    found = read_all(journal)
    assert [torn.size for torn in of(Torn, found)] == [size]
    assert of(Damaged, found) == []


def test_longest_line_is_read(journal):
    """A line of just the limit is no finding."""
    line = {"prev": "", "seq": 1, "time": "2026-11-23T08:00:00.000Z", "record": "x", "y": ""}
    line["y"] = "z" * (LONGEST_LINE - len(json.dumps(line)))
    journal.raw(json.dumps(line).encode() + b"\n")
    found = read_all(journal)
    assert of(Damaged, found) == []
    assert len(of(Entry, found)[1].line.raw) == LONGEST_LINE


def test_memory_is_bounded(journal):
    """A huge line without a line break is passed over in pieces."""
    with journal.file.open("ab") as stream:
        # A hole: takes no room on the disk.
        os.ftruncate(stream.fileno(), 200_000_000)
    import tracemalloc  # noqa: PLC0415 - slows down whatever is imported after it

    tracemalloc.start()
    try:
        (torn,) = of(Torn, read_all(journal))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert torn.size > 100_000_000


def test_journal_can_be_read_while_it_is_written(journal):
    """Lines that come while one reads are read as well, and the lock is not asked for."""
    with journal.held():
        reading = read_segments(journal.directory, segments_of(journal.directory))
        assert len([next(reading), next(reading)]) == 2
        journal.get()
        assert len(of(Entry, list(reading))) == 1


def test_lock_tells_whether_a_gateway_writes(journal):
    """The lock is held while a gateway lives, and asking leaves it free."""
    assert not is_written(journal.directory)
    with journal.held():
        assert is_written(journal.directory)
    assert not is_written(journal.directory)
    with journal.held():
        pass


def test_early_segments_need_not_be_read(journal):
    """What was over well before the day that is asked for is left out; a day in doubt is kept."""
    for day in range(24, 30):
        journal.now = journal.now.replace(day=day)
        journal.segment()
    segments = segments_of(journal.directory)
    assert [segment.day for segment in since(segments, date(2026, 11, 28))] == [
        "20261125", "20261126", "20261127", "20261128", "20261129",
    ]  # fmt: skip
    assert since(segments, date.min) == segments
    assert since((), date(2026, 11, 28)) == ()


def test_what_cannot_be_read_is_said(tmp_path, journal):
    """A missing directory, a file in its place and a segment that is gone are errors of the journal."""
    with pytest.raises(JournalError, match=r"there is no journal at .*nothing"):
        segments_of(tmp_path / "nothing")
    with pytest.raises(JournalError, match="cannot be read"):
        segments_of(journal.file)
    segments = segments_of(journal.directory)
    journal.file.unlink()
    with pytest.raises(JournalError, match="just removed"):
        list(read_segments(journal.directory, segments))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_who_may_not_read_is_told_who_may(journal):
    """Another user's attempt says as whom the journal is read."""
    os.seteuid(65_534)
    try:
        with pytest.raises(JournalError, match=r"cannot be read.*run this as the user of the gateway, or as root"):
            segments_of(journal.directory)
    finally:
        os.seteuid(0)
