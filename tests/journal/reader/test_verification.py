"""What following the chain shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.journal.format.line_format import NO_HASH, head_of
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import MOST_FINDINGS, verify
from tests.support.journals import JournalBuilder
from tests.support.properties import FEW


@pytest.fixture
def journal(tmp_path):
    """A journal of three segments with four lines each."""
    return three_segments(tmp_path / "journal")


def three_segments(directory):
    """Write three segments with four lines each."""
    journal = JournalBuilder(directory)
    for number in range(3):
        if number:
            journal.segment()
        journal.post()
        journal.get()
    return journal


def judged(journal, *heads):
    """Follow the chain of a journal as it stands."""
    return verify(read_segments(journal.directory, segments_of(journal.directory)), heads)


def messages(verdict):
    """Write each finding with its place."""
    return [f"{place}: {message}" for place, message in verdict.findings]


def files(journal):
    """List the segments' files."""
    return sorted(journal.directory.glob("*.jsonl"))


def test_whole_journal_verifies(journal):
    """A journal as it was written has no finding, and the verdict tells what is there."""
    verdict = judged(journal)
    assert (verdict.count, verdict.segments, verdict.records) == (0, 3, 12)
    assert (verdict.first_seq, verdict.seq, verdict.head) == (1, 12, journal.head)
    assert verdict.times == ("2026-11-23T08:00:01.000Z", "2026-11-23T08:00:12.000Z")
    assert not verdict.beginning_removed


@FEW
@given(data=st.data())
def test_every_changed_byte_is_found(tmp_path_factory, data):
    """Whichever byte before the last line is changed, the chain shows it."""
    journal = three_segments(tmp_path_factory.mktemp("journal"))
    file = data.draw(st.sampled_from(files(journal)))
    content = bytearray(file.read_bytes())
    end = len(content) if file != journal.file else content.rindex(b"\n", 0, -1)
    at = data.draw(st.integers(0, end - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    assert judged(journal).count > 0


@pytest.mark.parametrize("line", range(1, 4))
def test_removed_line_is_found_once(journal, line):
    """A line that was cut out is a finding at the line after it."""
    file = files(journal)[1]
    lines = file.read_bytes().splitlines(keepends=True)
    del lines[line]
    file.write_bytes(b"".join(lines))
    verdict = judged(journal)
    place = f"{file.name}:{line + 1}" if line < 3 else f"{files(journal)[2].name}:1"
    assert messages(verdict) == [
        f"{place}: prev is not the hash of the line before: one was changed, or lines were removed or put in",
        f"{place}: seq is {line + 6} where {line + 5} is due",
    ]


def test_two_lines_that_changed_places_are_found(journal):
    """The order of lines is part of the chain."""
    lines = journal.lines()
    lines[1], lines[2] = lines[2], lines[1]
    journal.file.write_bytes(b"\n".join(lines) + b"\n")
    assert judged(journal).count > 0


def test_forged_line_that_continues_the_chain_is_not_found(journal):
    """What the chain does not show: someone who writes every later line anew; a head kept elsewhere shows it."""
    kept = journal.head
    lines = journal.lines()
    journal.file.write_bytes(b"\n".join(lines[:-1]) + b"\n")
    journal.seq -= 1
    journal.head = head_of(lines[-2])
    journal.get(status=404)
    assert judged(journal).count == 0
    assert messages(judged(journal, kept)) == [
        f": no record has the hash {kept}: what it vouched for was changed or removed"
    ]


def test_cut_off_end_is_found_by_a_head_alone(journal):
    """A journal that was cut short at a line's end verifies, unless its head is known."""
    kept = journal.head
    journal.file.write_bytes(b"\n".join(journal.lines()[:-1]) + b"\n")
    assert judged(journal).count == 0
    assert judged(journal, kept).count == 1


def test_head_vouches_for_what_is_before_it(journal):
    """Each hash that was kept is found at its record."""
    verdict = judged(journal, journal.heads[4], journal.heads[11])
    assert verdict.count == 0
    assert [(anchor.seq, anchor.place.line, anchor.broken) for anchor in verdict.anchors.values()] == [
        (5, 1, False),
        (12, 4, False),
    ]


def test_head_after_a_break_vouches_for_less(journal):
    """A head that is found behind a broken link is said to be so."""
    file = files(journal)[0]
    file.write_bytes(file.read_bytes().replace(b"payroll", b"payrolL"))
    verdict = judged(journal, journal.head)
    assert verdict.count > 0
    assert verdict.anchors[journal.head].broken


def test_missing_segment_is_found(journal):
    """A hole between segments is a finding, and so is a number that comes twice."""
    second = files(journal)[1]
    kept = second.read_bytes()
    second.unlink()
    assert f"{files(journal)[1].name}: segments 2 to 2 are missing" in messages(judged(journal))
    second.write_bytes(kept)
    (journal.directory / "00000002-20261130.jsonl").write_bytes(kept)
    assert "00000002-20261130.jsonl: there are two segments with the number 2" in messages(judged(journal))


def test_segment_must_begin_with_its_own_record(journal):
    """A file that was renamed, or that lost its first line, is a finding."""
    last = journal.file
    renamed = last.rename(last.with_name("00000004-20261123.jsonl"))
    assert f"{renamed.name}:1: the record of the segment has another number than the file's name" in messages(
        judged(journal)
    )
    renamed.rename(last)
    first = files(journal)[0]
    first.write_bytes(first.read_bytes().split(b"\n", 1)[1])
    assert f"{first.name}:1: the first line of a segment is not its own record" in messages(judged(journal))


def test_segment_record_stands_first_only(journal):
    """The record of a segment within one is a finding."""
    journal.add("segment", segment=3, version="1")
    assert messages(judged(journal)) == [f"{journal.file.name}:5: the record of a segment is within one"]


def test_empty_segment_before_another_is_found(journal):
    """Only the last segment may have no line yet."""
    (journal.directory / "00000004-20261123.jsonl").touch()
    assert judged(journal).count == 0
    (journal.directory / "00000005-20261123.jsonl").touch()
    assert messages(judged(journal)) == ["00000005-20261123.jsonl: segment 4 is empty, and yet another one follows"]


def test_unreadable_line_is_one_finding(journal):
    """A damaged line is reported itself; the next one still follows it if only its form was wrong."""
    raw = b"x"
    journal.raw(raw + b"\n")
    journal.head, journal.seq = head_of(raw), journal.seq + 1
    journal.get()
    assert messages(judged(journal)) == [f"{journal.file.name}:5: the line is no JSON"]


def test_torn_last_line_is_no_finding(journal):
    """A line that is being written does not make the journal look broken."""
    journal.raw(b'{"prev"')
    verdict = judged(journal)
    assert verdict.count == 0
    assert verdict.torn is not None
    assert verdict.torn.size == 7


def test_torn_line_that_was_left_is_no_finding(journal):
    """Where a failed write could not be cut off, the next segment follows the line before it: nothing is missing."""
    journal.raw(b'{"prev"')
    journal.segment()
    verdict = judged(journal)
    assert (verdict.count, verdict.left, verdict.torn) == (0, 1, None)


def test_segment_that_was_cut_short_is_found(journal):
    """A segment that ends within a line that was whole once is a finding at the next one."""
    file = files(journal)[1]
    file.write_bytes(file.read_bytes()[:-5])
    assert [place.file for place, _ in judged(journal).findings] == [files(journal)[2].name] * 2


def test_first_line_must_be_the_beginning(tmp_path):
    """Segment 1 begins with seq 1 and no hash."""
    journal = JournalBuilder(tmp_path)
    journal.file.unlink()
    journal.add("segment", segment=1, version="1")
    assert [message.split()[0] for _, message in judged(journal).findings] == ["prev", "seq"]


def test_there_must_be_something(tmp_path):
    """An empty directory proves nothing, and a head of it is not found."""
    assert [message for _, message in verify([]).findings] == ["there is no record"]
    assert verify([], ["a" * 64]).count == 2


def retained(journal, *, record=True, last_seq=8, head=None):
    """Remove the first two segments, and record it."""
    if record:
        heads = (journal.heads[3], head or journal.heads[7])
        listed = [
            {"segment": number, "first_seq": 1, "last_seq": seq, "head": one}
            for number, seq, one in zip((1, 2), (4, last_seq), heads, strict=True)
        ]
        journal.add("retention", segments=listed)
    for file in files(journal)[:2]:
        file.unlink()


def test_beginning_that_retention_removed_is_no_finding(journal):
    """What retention removed is reported, not held against the journal."""
    retained(journal)
    verdict = judged(journal)
    assert (verdict.count, verdict.gaps) == (0, [])
    assert (verdict.beginning_removed, verdict.accounted) == (True, True)
    assert verdict.first_seq == 9


def test_beginning_without_a_record_of_retention_is_a_finding(journal):
    """A journal that begins later without a record of it was cut: what was in doubt before is unknown."""
    retained(journal, record=False)
    verdict = judged(journal)
    assert messages(verdict) == [
        f"{files(journal)[0].name}: segments up to 2 are missing, and no record of retention accounts for them"
    ]
    assert (verdict.accounted, verdict.gaps) == (False, [(1, 8)])


def names(*segments):
    """Write the list of a record of retention; each segment is (number, last_seq, head)."""
    return [{"segment": number, "first_seq": 1, "last_seq": seq, "head": head} for number, seq, head in segments]


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (lambda heads: names((1, 4, heads[3])), "retention removed them up to 1 only"),
        (lambda heads: names((2, 8, heads[3])), "does not follow segment 2 as retention recorded its end"),
        (lambda heads: names((2, 9, heads[7])), "does not follow segment 2 as retention recorded its end"),
        (lambda heads: names((3, 12, heads[11])), "names segment 3, which was not yet over"),
        (lambda heads: names((7, 99, heads[7])), "names segment 7, which was not yet over"),
        (lambda heads: names((1, 4, heads[3]), (2, 8, heads[7]), (2, 7, heads[6])), "two records of retention differ"),
        (lambda heads: [{"segment": True, "last_seq": 8, "head": heads[7]}], "no record of retention accounts"),
    ],
)
def test_record_of_retention_has_to_fit(journal, listed, message):
    """A record of another range, of another end, or of what was not over accounts for nothing."""
    journal.add("retention", segments=listed(journal.heads))
    for file in files(journal)[:2]:
        file.unlink()
    assert any(message in found for found in messages(judged(journal)))


def test_record_of_retention_is_compared_with_what_is_left(journal):
    """Where a named segment is still there, it has to end as recorded."""
    journal.add("retention", segments=names((1, 4, journal.heads[3]), (2, 8, "0" * 64)))
    files(journal)[0].unlink()
    (message,) = messages(judged(journal))
    assert "retention recorded another end of segment 2 than it has" in message


def test_retention_over_years_accounts_for_the_beginning(tmp_path):
    """Each record goes with its own segment in time, and another one accounts for that: no finding at any moment."""
    journal = JournalBuilder(tmp_path / "journal")
    ends = []
    for number in range(1, 12):
        journal.post()
        ends.append((number, journal.seq, journal.head))
        journal.segment()
        if len(ends) > 2:
            journal.add("retention", segments=names(ends.pop(0)))
            files(journal)[0].unlink()
        assert judged(journal).count == 0, number


@pytest.mark.parametrize("segment", [0, 1, 2])
@pytest.mark.parametrize("first", [0, 1])
def test_what_is_missing_is_unknown(journal, segment, first):
    """Wherever lines were taken out, their numbers are named: what was in doubt there is unknown."""
    file = files(journal)[segment]
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:first], *lines[3:]]))
    verdict = judged(journal)
    assert verdict.count > 0
    assert verdict.gaps == [(segment * 4 + first + 1, segment * 4 + 3)]


def test_lines_that_cannot_be_read_are_unknown_together(journal):
    """Damage in a row is one gap."""
    file = files(journal)[1]
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], b"x\n", b"y\n", lines[3]]))
    assert judged(journal).gaps == [(6, 7)]


def test_head_of_what_was_removed_is_known(journal):
    """The hash of the last record that was removed stands in the first that is left."""
    retained(journal)
    verdict = judged(journal, journal.heads[7])
    assert verdict.count == 0
    assert verdict.anchors[journal.heads[7]].seq == 8
    assert judged(journal, journal.heads[6]).count == 1
    assert judged(journal, NO_HASH).count == 1


@pytest.mark.parametrize(("last_seq", "head"), [(7, None), (8, "0" * 64)])
def test_beginning_must_be_the_one_that_retention_left(journal, last_seq, head):
    """Number and hash of the last record that was removed have to be those that the first one follows."""
    retained(journal, last_seq=last_seq, head=head)
    (message,) = messages(judged(journal))
    assert "does not follow segment 2 as retention recorded" in message


def test_more_than_retention_removed_is_found(journal):
    """Segments that somebody removed besides are a finding."""
    retained(journal)
    gone = journal.file
    journal.segment()
    journal.add("retention", segments=[{"segment": 2, "first_seq": 5, "last_seq": 8, "head": journal.heads[7]}])
    gone.unlink()
    (message,) = messages(judged(journal))
    assert "segments are missing before it: retention removed them up to 2 only" in message


def test_retention_that_did_not_come_to_removing_is_no_finding(journal):
    """The record is written before the files go: a crash in between leaves more than it says."""
    journal.add("retention", segments=[{"segment": 1, "first_seq": 1, "last_seq": 4, "head": journal.heads[3]}])
    assert judged(journal).count == 0


def test_retention_that_could_not_read_an_end_is_no_finding(journal):
    """A damaged segment is removed in its time; its record has no head to compare with."""
    retained(journal, last_seq=0, head=" ")
    file = files(journal)[0]
    assert judged(journal).count == 1
    lines = file.read_bytes().replace(b'"head":" "', b'"head":""')
    file.write_bytes(lines)
    assert judged(journal).count == 0


@pytest.mark.parametrize("listed", [None, "x", [None, {}, {"segment": "1", "last_seq": 1, "head": ""}]])
def test_retention_that_makes_no_sense_is_passed_over(journal, listed):
    """Members of the wrong kind stop nobody from reading on."""
    journal.add("retention", segments=listed)
    assert judged(journal).count == 0


def test_repairs_and_losses_are_told(journal):
    """What the writer had to own up to is part of the verdict."""
    journal.add("repair", bytes=12, sha256="a" * 64)
    journal.add("lost", since="2026-11-23T08:00:00.000Z", intents=1, outcomes=2)
    verdict = judged(journal)
    assert [one["bytes"] for one in verdict.repairs] == [12]
    assert [one["outcomes"] for one in verdict.losses] == [2]


def test_findings_are_bounded(journal):
    """A file of rubbish is counted, not gathered."""
    journal.raw(b"x\n" * 5_000)
    verdict = judged(journal)
    assert (len(verdict.findings), verdict.count) == (MOST_FINDINGS, 5_000)
