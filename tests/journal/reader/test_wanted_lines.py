"""What a question does not need is passed over, and the answer is that of the whole journal."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.journal.format.line_format import SETTLED
from fla_gateway.journal.reader.block_predicates import (
    Bodies,
    Containing,
    Counting,
    Everything,
    NotBefore,
    Nothing,
    predicate_of,
)
from fla_gateway.journal.reader.exchange_history import History
from fla_gateway.journal.reader.failure_report import FailureReport
from fla_gateway.journal.reader.filters import Selection, selected
from fla_gateway.journal.reader.segments.body_marks import BodyMarks
from fla_gateway.journal.reader.segments.read_results import Entry, Passed
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import lines_of_kind, read_segments, read_wanted
from fla_gateway.journal.reader.settlements import LateSettlements, collected
from tests.support.journals import JournalBuilder
from tests.support.properties import examples

TROUBLES = (
    {"outcome": "unknown", "status": 504, "origin": "network"},
    {"status": 500},
    {"outcome": "caller-gone", "status": 0},
    {"outcome": "refused", "status": 403, "origin": "gateway"},
)
BODIES = tuple(f"{number:016x}" for number in range(6))
MASKS = tuple(f"~{number:012x}" for number in range(6))
SELECTIONS = (
    Selection(),
    Selection(in_doubt=True),
    Selection(settled=True),
    Selection(caller="hr"),
    Selection(profile="secretariat"),
    Selection(reference="\u00e9-7"),
    Selection(outcome="unknown"),
    Selection(outcome="no-outcome"),
    Selection(since="2026-11-23T08:05", until="2026-11-23T08:06"),
    Selection(masks=MASKS[:1]),
    Selection(masks=(MASKS[2], "~ffffffffffff"), caller="hr"),
    Selection(body=BODIES[3]),
    Selection(body=BODIES[4], in_doubt=True),
)


PERIODS = (
    ("", ""),
    ("2026-11-23T08:01:30.000Z", ""),
    ("", "2026-11-23T08:04:00.000Z"),
    ("2026-11-23T08:02:00.500Z", "2026-11-23T08:03:00.000Z"),
    ("2026-11-24", ""),
)


def busy(path, seed):
    """Write a journal in which exchanges overlap, over several segments and runs."""
    journal, choice = JournalBuilder(path), random.Random(seed)  # noqa: S311 - an example, not a secret
    journal.start()
    running: list[str] = []
    for number in range(300):
        act = choice.random()
        if act < 0.35:
            about = {"caller": choice.choice(["payroll", "hr"]), "reference": f"\u00e9-{number % 40}"}
            running.append(journal.intent(**about, body=choice.choice(BODIES)))
        elif act < 0.7 and running:
            trouble = choice.choice(TROUBLES) if choice.random() < 0.1 else {}
            journal.outcome(running.pop(choice.randrange(len(running))), **trouble, made=choice.choice(MASKS))
        elif act < 0.95:
            journal.get(profile=choice.choice(["employer", "secretariat"]))
        elif act < 0.97:
            journal.add("strangers", since="x", counts={})
        elif act < 0.98:
            journal.segment()
        elif running and act < 0.99:
            journal.add("settled", id=running[0], **{"as": "done"})
        else:
            journal.start("again")
            running.clear()
    return journal


def history(path, found):
    """Join what was found."""
    settlements = collected(lines_of_kind(path, segments_of(path), SETTLED))
    return History(found, lambda: False, "", settlements=settlements)


def history_read_once(path, found):
    """Join what was found, as the commands do."""
    segments = segments_of(path)
    late = LateSettlements(lambda begun: lines_of_kind(path, segments[begun:], SETTLED))
    return History(late.follow(found), lambda: False, "", settlements=late)


@examples(4)
@given(seed=st.integers(0, 1_000_000), size=st.sampled_from([700, 5_000, 262_144]))
def test_the_answer_is_that_of_the_whole_journal(tmp_path_factory, seed, size):
    """Whatever is asked, and wherever blocks end, the same exchanges come in the same order."""
    path = busy(tmp_path_factory.mktemp("busy") / "journal", seed).directory
    segments = segments_of(path)
    whole = list(history(path, read_segments(path, segments)))
    for selection in SELECTIONS:
        found = history_read_once(path, read_wanted(path, segments, predicate_of(selection), size))
        assert list(selected(found, selection)) == list(filter(selection.picks, whole)), selection
        assert (found.damaged, found.missing) == (0, [])


def odd(path, seed):
    """Write a journal with lines between that no writer makes, most of which break the chain."""
    journal, choice = busy(path, seed), random.Random(seed)  # noqa: S311 - as above
    file = max(path.glob("*.jsonl"), key=lambda it: it.stat().st_size)
    lines = file.read_bytes().splitlines(keepends=True)
    for _ in range(12):
        at = choice.randrange(1, len(lines))
        whole = lines[at]
        lines[at] = choice.choice(
            (
                whole + whole,
                whole.rstrip(b"\n"),
                whole[: len(whole) // 2] + b"\n",
                b"",
                b"\n",
                b"\x07" + whole,
                b'{"seq":7}\n',
                whole.replace(b'"id":"', b'"id":"0'),
                whole.replace(b'","seq"', b'", "seq"'),
                whole.replace(b'"record":"', b'"record":"i'),
                whole.replace(b"outcome", b"intent"),
                whole.replace(b'"caller"', b'"x":"\\"record\\":\\"intent\\"","caller"'),
            )
        )
    file.write_bytes(b"".join(lines))
    return journal


@examples(6)
@given(seed=st.integers(0, 1_000_000), size=st.sampled_from([1_500, 262_144]))
def test_odd_lines_change_no_answer(tmp_path_factory, seed, size):
    """What no writer makes is seen as it is line by line: the same exchanges, as many damaged lines, the same gaps."""
    path = odd(tmp_path_factory.mktemp("odd") / "journal", seed).directory
    segments = segments_of(path)
    slow = history(path, read_segments(path, segments))
    whole = list(slow)
    for selection in SELECTIONS:
        found = history_read_once(path, read_wanted(path, segments, predicate_of(selection), size))
        assert list(selected(found, selection)) == list(filter(selection.picks, whole)), selection
        assert (found.damaged, found.missing) == (slow.damaged, slow.missing), selection


def reported(path, found, since, until):
    """Report a period; return the members of the report."""
    report = FailureReport(since, until)
    exchanges = history_read_once(path, report.follow(found))
    report.take_all(filter(Selection(since=since, until=until).picks, exchanges))
    return {name: getattr(report, name) for name in FailureReport.__slots__}


@pytest.mark.parametrize(("make", "unknown"), [(busy, ()), (odd, ("changes",))])
@examples(4)
@given(seed=st.integers(0, 1_000_000), size=st.sampled_from([700, 5_000, 262_144]))
def test_the_report_of_a_period_is_that_of_the_whole_journal(tmp_path_factory, make, unknown, seed, size):
    """What is counted without reading it is counted as if it were read; a change whose intent is damaged may be not."""
    path = make(tmp_path_factory.mktemp("reported") / "journal", seed).directory
    segments = segments_of(path)
    for since, until in PERIODS:
        whole = reported(path, read_segments(path, segments), since, until)
        found = reported(path, read_wanted(path, segments, Counting(since, until), size), since, until)
        assert [(name, found[name]) for name in found if name not in unknown] == [
            (name, whole[name]) for name in whole if name not in unknown
        ]


def test_what_is_not_needed_is_not_read(tmp_path):
    """Blocks without what is asked for are passed over, with their numbers and how much is in them."""
    journal = JournalBuilder(tmp_path / "journal")
    for _ in range(50):
        journal.post()
        journal.get()
    wanted = journal.post(reference="batch-17")
    found = list(read_wanted(journal.directory, segments_of(journal.directory), Containing(b'"batch-17"')))
    read = [one.line.members for one in found if isinstance(one, Entry)]
    assert [line["record"] for line in read] == ["segment", "intent", "outcome"]
    assert {line["id"] for line in read[1:]} == {wanted}
    passed = [one for one in found if isinstance(one, Passed)]
    assert (passed[-1].outcomes, passed[-1].intents, passed[-1].last) == (100, 50, journal.seq)


def test_a_hash_in_an_intent_brings_its_outcome(tmp_path):
    """Of two lines that are one exchange both are read, whichever has what is asked for."""
    journal = JournalBuilder(tmp_path / "journal")
    journal.post()
    identity = journal.intent(body="0011223344556677")
    journal.get()
    journal.outcome(identity)
    marks = BodyMarks()
    for _ in range(2):
        marks.note(b'"body":"0011223344556677"')
    found = read_wanted(journal.directory, segments_of(journal.directory), Bodies(marks))
    read = [one.line.members for one in found if isinstance(one, Entry)]
    assert [line["record"] for line in read] == ["segment", "intent", "outcome"]


@pytest.mark.parametrize("predicate", [Nothing(), Containing(b"nothing has this"), NotBefore(10_000), Everything()])
def test_damage_and_gaps_are_noticed_in_what_is_passed_over(tmp_path, predicate):
    """A line that is none, one that is missing and one that is too long are noticed where nothing is wanted."""
    journal = JournalBuilder(tmp_path / "journal")
    for _ in range(40):
        journal.get()
    journal.raw(b'{"prev":"\x00"}\n')
    journal.seq += 1
    for _ in range(40):
        journal.get()
    journal.raw(b'{"prev":"' + b"x" * 300_000 + b'"}\n')
    journal.seq += 5
    journal.get()
    segments = segments_of(journal.directory)
    found = History(read_wanted(journal.directory, segments, predicate, 10_000), lambda: False, "")
    list(found)
    assert found.damaged == 2
    assert [(gap.first, gap.last) for gap in found.missing] == [(84, 87)]


def test_a_torn_line_is_no_damage(tmp_path):
    """What is being written is not read."""
    journal = JournalBuilder(tmp_path / "journal")
    journal.get()
    journal.raw(b'{"prev":"')
    found = History(read_wanted(journal.directory, segments_of(journal.directory), Nothing()), lambda: False, "")
    assert (list(found), found.damaged, found.missing) == ([], 0, [])


def test_what_was_too_long_to_search_is_followed_all_the_same(tmp_path):
    """An intent behind a line that is too long is joined to its outcome in the next segment."""
    journal = JournalBuilder(tmp_path / "journal")
    journal.raw(b"x" * 300_000 + b"\n")
    identity = journal.intent()
    journal.segment()
    journal.outcome(identity)
    found = History(read_wanted(journal.directory, segments_of(journal.directory), Nothing()), lambda: False, "")
    assert [(one.intent is not None, one.word) for one in found] == [(True, "answered")]
