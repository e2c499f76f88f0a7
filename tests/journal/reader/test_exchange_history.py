"""Intents and outcomes become exchanges; which of them are in doubt, and which are wanted."""

from __future__ import annotations

import pytest

from fla_gateway.errors import JournalError
from fla_gateway.journal.reader.exchange_history import Exchange, History
from fla_gateway.journal.reader.filters import OUTCOMES, Selection, moment
from fla_gateway.journal.reader.in_doubt import HARMLESS_METHODS, REASONS, reason
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from tests.support.journals import JournalBuilder

ALWAYS = "2026-01-01T00:00:00.000Z"
NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z


@pytest.fixture
def journal(tmp_path):
    """A journal in which a run has begun."""
    journal = JournalBuilder(tmp_path / "journal")
    journal.start()
    return journal


def history(journal, *, lives=False, oldest=ALWAYS):
    """Read the exchanges of a journal, of which a gateway may hold the lock."""
    found = read_segments(journal.directory, segments_of(journal.directory))
    return History(found, lambda: lives, oldest)


def doubts(journal, **how):
    """Give id and reason of each exchange in doubt."""
    return {one.text("id"): reason(one) for one in history(journal, **how) if reason(one)}


def test_intent_and_outcome_are_one_exchange(journal):
    """Lines with the same id are joined, whatever stands between them, and known by their first time."""
    first = journal.intent()
    second = journal.intent()
    journal.get()
    journal.outcome(second)
    journal.segment()
    journal.outcome(first)
    found = list(history(journal))
    assert [one.text("id") for one in found][1:] == [second, first]
    assert [len(one.lines) for one in found] == [1, 2, 2]
    assert found[2].time == "2026-11-23T08:00:03.000Z"
    assert doubts(journal) == {}


def test_outcome_alone_is_an_exchange(journal):
    """A GET has no intent, and retention may have removed the intent of an old POST."""
    journal.get()
    journal.outcome()
    assert [one.intent for one in history(journal)] == [None, None]
    assert doubts(journal) == {}


def test_intent_without_outcome_is_in_doubt(journal):
    """After a crash every declaration without an outcome is named."""
    journal.post()
    left = journal.intent()
    assert doubts(journal) == {left: "no-outcome"}


def test_crash_of_an_earlier_run_stays_in_doubt(journal):
    """A new run changes nothing about what the one before left; its own intents are told apart."""
    left = journal.intent()
    journal.start("run-2")
    later = journal.intent()
    assert doubts(journal, lives=True) == {left: "no-outcome"}
    assert [one.text("id") for one in history(journal, lives=True) if one.running] == [later]


def test_end_in_good_order_leaves_no_runner(journal):
    """After a stop nothing runs any more, even if another process holds the lock by now."""
    left = journal.intent()
    journal.stop(left=1)
    assert doubts(journal, lives=True) == {left: "no-outcome"}


def test_exchange_that_runs_is_not_in_doubt_yet(journal):
    """While the gateway lives its open intents are running, not in doubt."""
    journal.intent()
    (one,) = history(journal, lives=True)
    assert (one.running, one.word, reason(one)) == (True, "running", "")


def test_exchange_that_is_too_old_does_not_run(journal):
    """No exchange lasts for hours: what has no outcome after so long is in doubt, whoever lives."""
    left = journal.intent()
    assert doubts(journal, lives=True, oldest="2026-11-23T08:00:04.000Z") == {left: "no-outcome"}
    assert doubts(journal, lives=True, oldest="2026-11-23T08:00:03.000Z") == {}


def test_lost_outcomes_put_open_intents_in_doubt(journal):
    """If outcomes could not be written, an open intent may be over: it does not count as running."""
    left = journal.intent()
    journal.add("lost", since=ALWAYS, intents=0, outcomes=1)
    later = journal.intent()
    past = history(journal, lives=True)
    assert {one.text("id"): one.running for one in past} == {left: False, later: True}
    assert len(past.losses) == 1
    journal.outcome(left)
    assert [one.text("id") for one in history(journal) if reason(one)] == [later]


def test_lost_records_without_outcomes_change_nothing(journal):
    """Intents that were lost say nothing about those that were written."""
    journal.intent()
    journal.add("lost", since=ALWAYS, intents=1, outcomes=0)
    assert doubts(journal, lives=True) == {}


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({}, ""),
        ({"status": 302}, ""),
        ({"status": 422}, ""),
        ({"status": 504, "origin": "network", "outcome": "unknown", "delivery": "unknown"}, "no-answer"),
        ({"status": 0, "outcome": "caller-gone", "origin": "gateway", "attempts": 1}, "caller-gone"),
        ({"status": 0, "outcome": "caller-gone", "origin": "gateway", "attempts": 0}, ""),
        ({"status": 201, "outcome": "caller-gone", "attempts": 1}, ""),
        ({"status": 500}, "server-error"),
        ({"status": 503, "outcome": "truncated"}, "server-error"),
        ({"status": 502, "outcome": "caller-gone"}, "server-error"),
        ({"status": 201, "outcome": "truncated"}, ""),
        ({"status": 502, "origin": "network", "outcome": "not-sent", "attempts": 0}, ""),
        ({"status": 503, "origin": "token-server", "outcome": "not-sent", "attempts": 0}, ""),
        ({"status": 403, "origin": "gateway", "outcome": "refused", "attempts": 0}, ""),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OTHER"])
def test_outcome_decides_about_doubt(journal, members, why, method):
    """A changing request is in doubt if it may have been done and no answer of the API says so."""
    journal.post(method=method, **members)
    (one,) = history(journal)
    assert reason(one) == why
    assert not why or why in REASONS


@pytest.mark.parametrize("method", sorted(HARMLESS_METHODS))
def test_requests_that_change_nothing_are_never_in_doubt(journal, method):
    """A GET can be asked again."""
    journal.outcome(method=method, status=504, origin="network", outcome="unknown")
    assert doubts(journal) == {}


def test_memory_holds_open_intents_only(journal):
    """What is over is forgotten, and so is what a run left once the next one begins."""
    for _ in range(50):
        journal.post()
    left = [journal.intent() for _ in range(3)]
    journal.start("run-2")
    past = history(journal)
    most = 0
    for one in past:
        most = max(most, len(past._open))
        assert isinstance(one, Exchange)
    assert most <= len(left)


def test_members_of_the_wrong_kind_are_taken_for_absent(journal):
    """A journal that somebody wrote by hand stops no reader."""
    journal.add("intent", id=[1], method={}, reference=5)
    journal.add("outcome", id=None, status="200", outcome=None)
    kinds = [(one.word, one.text("reference"), one.number("status"), reason(one)) for one in history(journal)]
    assert kinds == [("", "", 0, ""), ("no-outcome", "", 0, "no-outcome")]


def picked(journal, **wishes):
    """Give the places in the journal's order of the exchanges that are picked."""
    found = list(history(journal))
    return [index for index, one in enumerate(found) if Selection(**wishes).picks(one)]


def test_wishes_pick_exchanges(journal):
    """Each wish leaves out the others; several are all meant."""
    journal.post(caller="payroll", reference="batch-17/client-3")
    journal.get(caller="hr", profile="secretariat")
    unknown = journal.post(caller="hr", outcome="unknown", status=504, origin="network")
    assert picked(journal) == [0, 1, 2]
    assert picked(journal, caller="hr") == [1, 2]
    assert picked(journal, caller="h") == []
    assert picked(journal, profile="secretariat") == [1]
    assert picked(journal, outcome="unknown") == [2]
    assert picked(journal, reference="client-3") == [0]
    assert picked(journal, identity=unknown) == [2]
    assert picked(journal, in_doubt=True) == [2]
    assert picked(journal, caller="hr", outcome="answered") == [1]
    assert picked(journal, since="2026-11-23T08:00:05.000Z") == [1, 2]
    assert picked(journal, until="2026-11-23T08:00:05.000Z") == [0]


def test_running_exchange_belongs_to_those_that_may_be_in_doubt(journal):
    """--in-doubt shows what still runs, since it may come to be in doubt."""
    journal.intent()
    (one,) = history(journal, lives=True)
    assert Selection(in_doubt=True).picks(one)
    assert Selection(outcome="running").picks(one)
    assert {"running", "no-outcome"} < set(OUTCOMES)


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2026-11-02", "2026-11-02T00:00:00.000Z", "2026-11-03T00:00:00.000Z"),
        ("2026-11-02T08:15", "2026-11-02T08:15:00.000Z", "2026-11-02T08:15:00.000Z"),
        ("2026-11-02T08:15:01.5Z", "2026-11-02T08:15:01.500Z", "2026-11-02T08:15:01.500Z"),
        ("2026-11-02T08:15+01:00", "2026-11-02T07:15:00.000Z", "2026-11-02T07:15:00.000Z"),
        ("90s", "2026-11-23T11:58:30.000Z", "2026-11-23T11:58:30.000Z"),
        ("30m", "2026-11-23T11:30:00.000Z", "2026-11-23T11:30:00.000Z"),
        ("2h", "2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00.000Z"),
        ("3d", "2026-11-20T12:00:00.000Z", "2026-11-20T12:00:00.000Z"),
        ("1w", "2026-11-16T12:00:00.000Z", "2026-11-16T12:00:00.000Z"),
    ],
)
def test_times_are_read_as_people_write_them(text, begins, ends):
    """Dates, times and how long ago; a date ends with its day."""
    assert moment(text, NOON) == begins
    assert moment(text, NOON, ends=True) == ends


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2 h", "-2h", "999999w", "9999-12-31", "٣d"])
def test_other_times_are_refused(text):
    """What cannot be read as a time is said so, not guessed."""
    with pytest.raises(JournalError, match="how long ago"):
        moment(text, NOON, ends=True)


def test_a_kind_of_line_that_a_newer_version_writes_is_passed_over(journal):
    """The chain holds, no exchange comes of it, and none is lost: older versions read newer journals."""
    left = journal.intent()
    journal.add("kind-of-the-future", id=left, outcome="answered", members=[1, 2])
    journal.post(member_of_the_future={"x": 1})
    assert [(one.text("id") == left, one.word) for one in history(journal)] == [
        (False, "answered"),
        (True, "no-outcome"),
    ]
    assert not verify(read_segments(journal.directory, segments_of(journal.directory))).count
