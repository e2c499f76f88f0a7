"""What a crash left is repaired at the next start, and the repair recorded."""

from __future__ import annotations

from hashlib import sha256

import pytest

from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from fla_gateway.journal.writer.tail_recovery import judge
from tests.support.journal_writer import (
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
)
from tests.support.tokens import HandClock


async def left_behind(path) -> bytes:
    """Leave the journal of a process that was killed; give its content."""
    journal = opened(path)
    await intend(journal, an_intent(1))
    await intend(journal, an_intent(2))
    crash(journal)
    (file,) = files(path)
    return file.read_bytes()


async def test_a_last_line_torn_anywhere_is_cut_off_and_recorded(path):
    """Whatever part of the last line reached the disk, the next start removes it and says so; all before it stays."""
    whole = await left_behind(path)
    (file,) = files(path)
    last = whole.rindex(b"\n", 0, -1) + 1
    # Each place in its beginning and its end, and every fifth between them.
    for size in (
        *range(last + 1, last + 30),
        *range(last + 30, len(whole) - 30, 5),
        *range(len(whole) - 30, len(whole)),
    ):
        file.write_bytes(whole[:size])
        opened(path).close()
        lines = chained_lines(path)
        assert [line["record"] for line in lines] == ["segment", "start", "intent", "repair", "start", "stop"]
        torn = whole[last:size]
        repair = lines[3]
        assert (repair["segment"], repair["bytes"]) == (1, len(torn))
        assert repair["sha256"] == sha256(torn).hexdigest()


async def test_a_journal_that_ends_with_a_line_break_needs_no_repair(path):
    """The kill of a process tears nothing: what it wrote is whole."""
    await left_behind(path)
    opened(path).close()
    assert kinds(path) == ["segment", "start", "intent", "intent", "start", "stop"]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\0" * 5_000 + b"\n", b"{}\n", b"[1]\n", b"\n", b"\0" * 200_000, b"{" * 70_000, b"[" * 70_000 + b"\n",
        b'{"prev":"","seq":' + b"9" * 4_300 + b',"time":"","record":""}\n',
    ],
)  # fmt: skip
async def test_rubbish_at_the_end_is_cut_off(path, rubbish):
    """A power cut may leave zeros, or a line that is none; the journal goes on from the last one that is."""
    whole = await left_behind(path)
    (file,) = files(path)
    file.write_bytes(whole + rubbish)
    opened(path).close()
    assert kinds(path) == ["segment", "start", "intent", "intent", "repair", "start", "stop"]
    assert of_kind(path, "repair")[0]["bytes"] == len(rubbish)


async def test_the_repair_is_told_in_the_log(path, capsys):
    """An operator hears of it without reading the journal."""
    await left_behind(path)
    (file,) = files(path)
    file.write_bytes(file.read_bytes()[:-7])
    opened(path).close()
    assert "journal-repaired" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b'{"prev":"00'])
async def test_a_first_segment_without_a_line_is_begun_again(path, content):
    """A crash within the very first line leaves a journal like a new one."""
    opened(path).close()
    (file,) = files(path)
    file.write_bytes(content)
    opened(path).close()
    assert kinds(path) == ["segment", *(["repair"] if content else []), "start", "stop"]


@pytest.mark.parametrize("content", [b"", b'{"prev":"00'])
async def test_a_later_segment_without_a_line_is_begun_again(path, content):
    """The chain goes on from the segment before, and no number is left out."""
    await left_behind(path)
    (path / "00000002-20261122.jsonl").write_bytes(content)
    opened(path).close()
    assert kinds(path)[4:] == [*(["repair"] if content else []), "start", "stop"]
    assert verify(read_segments(path, segments_of(path))).count == 0


async def test_damage_before_the_last_line_is_left_for_verify_to_find(path):
    """It is evidence: the chain goes on from the last line, and what is wrong stays to be seen."""
    whole = await left_behind(path)
    (file,) = files(path)
    lines = whole.split(b"\n")
    lines[2] = lines[2].replace(b"POST", b"HOST")
    file.write_bytes(b"\n".join(lines))
    opened(path).close()
    assert file.read_bytes().startswith(b"\n".join(lines))
    assert verify(read_segments(path, segments_of(path))).count == 1


async def test_an_unreadable_line_before_a_torn_one_is_damage_too(path):
    """A crash tears one line; the complete one before it was damaged by something else, and is kept."""
    whole = await left_behind(path)
    (file,) = files(path)
    lines = whole.split(b"\n")[:-1]
    lines[-2] = b"#" * len(lines[-2])
    file.write_bytes(b"\n".join([*lines[:-1], lines[-1][:50]]))
    opened(path).close()
    verdict = verify(read_segments(path, segments_of(path)))
    assert [finding.place.line for finding in verdict.findings] == [3]
    assert verdict.seq == 3 + 3


def test_the_end_is_found_in_a_part_of_the_file():
    """A long segment is not read whole, but as far as it takes to tell."""
    line = b'{"prev":"x","seq":%d,"time":"t","record":"intent"}\n'
    content = b"".join(line % number for number in range(1, 101))
    whole = judge(content, len(content))
    assert whole is not None
    assert (whole.seq, whole.good, whole.torn) == (100, len(content), 0)
    assert judge(content[-120:], len(content)) == whole
    assert judge(content[-30:], len(content)) is None
    torn = judge(content[-120:] + b"x" * 7, len(content) + 7)
    assert torn is not None
    assert (torn.head, torn.good, torn.torn) == (whole.head, len(content), 7)


async def test_a_clock_that_was_set_back_begins_no_new_segment(path):
    """The order of the journal is that of its numbers, not of its times."""
    await left_behind(path)
    journal = opened(path, HandClock(wall=NOON - 86_400))
    journal.exchange(a_record(1))
    journal.close()
    assert len(files(path)) == 1
    assert kinds(path)[-2:] == ["outcome", "stop"]
