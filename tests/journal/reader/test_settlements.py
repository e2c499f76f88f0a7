"""A doubt is ended by its outcome, or by a person who found it out."""

from __future__ import annotations

import pytest

from fla_gateway.journal.format.line_format import SETTLED
from fla_gateway.journal.reader.exchange_history import History
from fla_gateway.journal.reader.filters import MOST_HELD, Selection, selected
from fla_gateway.journal.reader.forms.text_table import each_settlement
from fla_gateway.journal.reader.in_doubt import doubt_of, reason
from fla_gateway.journal.reader.segments.line_entries import LONGEST_LINE
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import lines_of_kind, read_segments
from fla_gateway.journal.reader.settlements import LateSettlements, collected
from fla_gateway.journal.reader.verification import verify
from tests.support.journals import JournalBuilder

UNKNOWN = {"outcome": "unknown", "status": 504, "origin": "network", "delivery": "unknown"}


@pytest.fixture
def journal(tmp_path):
    """A journal in which a run has begun."""
    journal = JournalBuilder(tmp_path / "journal")
    journal.start()
    return journal


def settlements(journal):
    """Collect the settlements of a journal."""
    return collected(lines_of_kind(journal.directory, segments_of(journal.directory), SETTLED))


def exchanges(journal):
    """Read a journal."""
    found = read_segments(journal.directory, segments_of(journal.directory))
    history = History(found, lambda: False, "2026-01-01T00:00:00.000Z", settlements=settlements(journal))
    return {one.text("id"): one for one in history}


def in_doubt(journal, ahead):
    """List the ids of what is in doubt, with the settlements that are found on the way."""
    late = LateSettlements(ahead)
    found = late.follow(read_segments(journal.directory, segments_of(journal.directory)))
    history = History(found, lambda: False, "", settlements=late)
    return [one.text("id") for one in selected(history, Selection(in_doubt=True))]


def test_settlements_are_known_at_the_end_of_a_journal(journal):
    """A few doubts wait for it, and the journal is not read once more."""
    lost, other = journal.intent(), journal.post(**UNKNOWN)
    journal.start("again")
    journal.segment()
    journal.add("settled", id=lost, **{"as": "done"})
    left = journal.intent()

    def fail(begun):
        pytest.fail(f"looked for from segment {begun} on")

    assert in_doubt(journal, fail) == [other, left]


def test_settlements_of_many_doubts_are_looked_for_in_the_rest(journal):
    """What does not wait any more is judged by what comes behind, from the segment on that is being read."""
    early = journal.post(**UNKNOWN)
    journal.add("settled", id=early, **{"as": "done"})
    journal.segment()
    within, late = journal.post(**UNKNOWN), journal.post(**UNKNOWN)
    journal.add("settled", id=within, **{"as": "done"})
    rest = [journal.post(**UNKNOWN) for _ in range(MOST_HELD)]
    journal.segment()
    journal.add("settled", id=late, **{"as": "done"})
    journal.add("settled", id=rest[-1], **{"as": "done"})
    looked = []

    def ahead(begun):
        looked.append(begun)
        return lines_of_kind(journal.directory, segments_of(journal.directory)[begun:], SETTLED)

    assert in_doubt(journal, ahead) == rest[:-1]
    assert looked == [1]


def test_what_is_settled_is_not_in_doubt_any_more(journal):
    """Whatever the doubt was; the reason for it is still known, and the chain holds."""
    left, unknown, other = journal.intent(), journal.post(**UNKNOWN), journal.intent()
    journal.segment()
    for settled in (left, unknown):
        journal.add("settled", id=settled, **{"as": "done"}, by="Ann", uid=1000)
    found = exchanges(journal)
    assert {it: reason(one) for it, one in found.items()} == {left: "", unknown: "", other: "no-outcome"}
    assert [doubt_of(found[it]) for it in (left, unknown)] == ["no-outcome", "no-answer"]
    assert [it for it, one in found.items() if Selection(in_doubt=True).picks(one)] == [other]
    assert {it for it, one in found.items() if Selection(settled=True).picks(one)} == {left, unknown}
    assert not verify(read_segments(journal.directory, segments_of(journal.directory))).count


def test_the_last_settlement_counts_and_none_is_erased(journal):
    """A person may have been wrong; both are listed, in their order."""
    left = journal.intent()
    journal.add("settled", id=left, **{"as": "done"}, note="portal")
    journal.add("settled", id=left, **{"as": "not-done"})
    one = exchanges(journal)[left]
    assert one.settlement == one.settlements[-1]
    listed = [it.settlement for it in each_settlement([one])]
    assert [(it.result, it.note) for it in listed if it] == [("done", "portal"), ("not-done", "")]


def test_what_was_answered_is_no_settled_doubt(journal):
    """A record that is about no doubt, as no gateway writes it, ends none and hides nothing."""
    answered = journal.post()
    journal.add("settled", id=answered, **{"as": "not-done"})
    one = exchanges(journal)[answered]
    assert (reason(one), doubt_of(one), Selection(settled=True).picks(one)) == ("", "", False)


@pytest.mark.parametrize(
    "members", [{"as": "perhaps"}, {"as": "done", "note": 7}, {"as": ["done"]}, {}, {"as": "done", "id": 7}]
)
def test_a_record_that_no_writer_makes_settles_nothing(journal, members):
    """It is passed over."""
    left = journal.intent()
    journal.add("settled", **({"id": left} | members))
    assert (settlements(journal), reason(exchanges(journal)[left])) == ({}, "no-outcome")


def test_a_text_that_looks_like_a_settlement_is_none(journal):
    """The caller's own words, a line that is too long, and one without its end."""
    left = journal.intent(reference='"record":"settled","id":"')
    journal.raw(b"x" * (LONGEST_LINE + 5_000_000) + b'"record":"settled"\n')
    journal.raw(f'{{"prev":"","seq":1,"time":"","record":"settled","id":"{left}","as":"done"'.encode())
    assert settlements(journal) == {}


def test_settlements_are_found_wherever_they_are_in_a_large_file(journal):
    """Also where they are cut by the pieces in which a file is read."""
    ids = []
    for number in range(120):
        ids.append(journal.intent())
        journal.get(reference="x" * (16_000 + number * 31))
        journal.add("settled", id=ids[-1], **{"as": "done"})
    assert list(settlements(journal)) == ids
