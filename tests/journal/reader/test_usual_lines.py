"""What is judged by its bytes alone is judged as it is when every line is read as JSON."""

from __future__ import annotations

import random
import re

import pytest

from fla_gateway.journal.format.line_format import head_of, read
from fla_gateway.journal.reader.segments.line_entries import LONGEST_LINE, entry_of
from fla_gateway.journal.reader.segments.read_results import Damaged, Entry, Place
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_blocks, read_segments
from fla_gateway.journal.reader.segments.usual_lines import time_of, usual_in
from fla_gateway.journal.reader.verification import verify
from tests.support.journals import JournalBuilder

BEGINNING = re.compile(rb'\{"prev":"[0-9a-f]{64}","seq":[1-9][0-9]{0,16},')
PLACE = Place("segment", 1)


def usual_journal(path, seed):
    """Write a journal of several segments, most lines of which are usual ones."""
    journal, choice = JournalBuilder(path), random.Random(seed)  # noqa: S311 - an example, not a secret
    usual = {"refused_attempt": "none"}
    for number in range(120):
        act = choice.random()
        if act < 0.5:
            journal.outcome(journal.intent(), **usual, body="0011223344556677")
        elif act < 0.9:
            journal.get(**usual)
        elif act < 0.94:
            journal.get(reference=f'"\u00e9{number}')
        elif act < 0.97:
            journal.add("strangers", since="x", counts={"unauthorized": 3})
        elif act < 0.98:
            journal.segment()
        else:
            journal.start()
    return journal


def is_usual(line):
    """Return whether a line is passed by its bytes, where its hash and its number are what is due."""
    head = BEGINNING.match(line)
    in_a_block_with_others = b'\\"' + line
    passes = {bool(head and usual_in(it)(line, head.end())) for it in (line, in_a_block_with_others)}
    assert len(passes) == 1
    return passes.pop()


def wrong(choice, line):
    """Change a line so that it is not what a writer makes, or only almost."""
    at = choice.randrange(len(line))
    return choice.choice(
        (
            line[:at] + bytes([choice.randrange(256)]) + line[at + 1 :],
            line[:at] + line[at + 1 :],
            line[:at] + bytes([choice.randrange(256)]) + line[at:],
            line[:at],
            line + line,
            line[:-1] + b',"seq":7}',
            line[:-1] + b',"prev":"' + b"0" * 64 + b'"}',
            line[:-1] + b',"record":"segment"}',
            line[:-1] + b',"time":"2026-11-23T08:00:01.000Z"}',
            line[:-1] + b',"record_":"segment","segment":1}',
            line[:-1] + b',"n":' + choice.choice((b"1e9", b"-1", b"01", b"1.", b".5", b"NaN", b"null")) + b"}",
            line[:-1] + b',"n":' + b"9" * choice.choice((14, 15, 16, 18, 19)) + b"}",
            line[:-1] + b',"n":"' + b"x" * choice.choice((10, LONGEST_LINE)) + b'"}',
            line[:-1] + b',"n":["\\u0041",{"a":1}]}',
            line[:-1] + b",}",
            line[:-1] + b"} ",
            line[:-1] + b'},"x":1',
            line.replace(
                b"2026-11-23T", choice.choice((b"2026-02-30T", b"2026-02-29T", b"0000-01-01T", b"2026-13-01T"))
            ),
            line.replace(b"T08:", choice.choice((b"T24:", b"T23:", b"t08:", b" 08:"))),
            line.replace(b'"outcome"', b'"segment"', 1),
            line.replace(b'"seq":', choice.choice((b'"seq":0', b'"seq": ', b'"seq":-')), 1),
            line.replace(b'{"prev"', b'{"first":1,"prev"', 1),
            line.upper(),
        )
    )


def changed(path, seed, *, is_chained):
    """Change some lines of a journal; chained, the lines behind have the hash of what was changed."""
    choice = random.Random(seed)  # noqa: S311 - as above
    head = ""
    for file in sorted(path.glob("*.jsonl")):
        lines = []
        for line in file.read_bytes().splitlines():
            whole = b'{"prev":"' + head.encode() + line[73:] if head and is_chained else line
            act = choice.random()
            if act < 0.04:
                whole = wrong(choice, whole)
            elif act < 0.05:
                continue
            lines.append(whole)
            head = head_of(whole)
            if act > 0.99:
                lines.append(whole)
        file.write_bytes(b"\n".join(lines) + choice.choice((b"\n", b"\n", b"", b"\n\n")))


@pytest.mark.parametrize("seed", range(24))
def test_verification_by_blocks_is_that_of_each_line(tmp_path, seed):
    """Whatever is changed, the verdict is word for word that of reading every line as JSON."""
    journal = usual_journal(tmp_path / "journal", seed)
    heads = [journal.heads[20], journal.heads[50], "0" * 63 + "1"]
    changed(journal.directory, seed, is_chained=bool(seed % 2))
    segments = segments_of(journal.directory)
    careful = verify(read_segments(journal.directory, segments), heads)
    for size in (1_000, 262_144):
        assert verify(read_blocks(journal.directory, segments, size), heads) == careful
    assert careful.count > 1


def test_a_whole_journal_verifies_by_blocks(tmp_path):
    """Nothing is found where nothing is wrong, and heads that were kept are found at their lines."""
    journal = usual_journal(tmp_path / "journal", 1)
    segments = segments_of(journal.directory)
    careful = verify(read_segments(journal.directory, segments), journal.heads)
    assert (careful.count, len(careful.anchors)) == (0, journal.seq)
    for size in (1_000, 262_144):
        assert verify(read_blocks(journal.directory, segments, size), journal.heads) == careful


@pytest.mark.parametrize("seed", range(4))
def test_a_line_that_is_taken_for_usual_is_a_line(tmp_path, seed):
    """Of thousands of changed lines none passes that is damaged, or says something else than what is at its places."""
    choice = random.Random(seed)  # noqa: S311 - as above
    lines = usual_journal(tmp_path / "journal", seed).lines()
    passed = 0
    for _ in range(3_000):
        line = wrong(choice, choice.choice(lines))
        if b"\n" in line or not is_usual(line) or len(line) > LONGEST_LINE:
            continue
        passed += 1
        entry = entry_of(PLACE, line)
        assert isinstance(entry, Entry), line
        members = entry.line.members
        assert members["record"] in {"intent", "outcome"}
        assert line.startswith(b'{"prev":"%b","seq":%d,' % (members["prev"].encode(), members["seq"]))
        assert members["time"] == time_of(line)
    assert passed > 100


def test_what_a_writer_makes_is_usual(tmp_path):
    """Intents and outcomes without anything odd are judged by their bytes: else it would be right, and slow."""
    journal = usual_journal(tmp_path / "journal", 2)
    lines = [line for line in journal.lines() if read(line).members["record"] == "intent"]
    assert lines
    assert all(map(is_usual, lines))


@pytest.mark.parametrize("time", ["2026-02-30T08:00:01.000Z", "2026-11-23T24:00:01.000Z", "0000-11-23T08:00:01.000Z"])
def test_a_time_that_no_clock_shows_is_damage(tmp_path, time):
    """What cannot be shown as local time, or compared, is said to be no time."""
    journal = JournalBuilder(tmp_path / "journal")
    journal.get()
    line = re.sub(rb'"time":"[^"]*"', b'"time":"' + time.encode() + b'"', journal.lines()[-1])
    found = entry_of(PLACE, line)
    assert isinstance(found, Damaged)
    assert "time" in found.reason
