"""What the gateway's own writer wrote is read as it was meant."""

from __future__ import annotations

import pytest

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.cli.main import execute
from fla_gateway.journal.reader.allow_list_suggestions import Suggestions
from fla_gateway.journal.reader.exchange_history import History
from fla_gateway.journal.reader.in_doubt import reason
from fla_gateway.journal.reader.segments.segment_files import is_written, segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from fla_gateway.proxy.records.exchange_record import Attempt, Notes
from tests.support.journal_writer import a_record, an_intent, crash, intend, opened, the_id

HOSTILE = Notes(reference="=cmd()\x1b[2J\u202e\u00e9\ud800", trace='"}\n{"')


@pytest.fixture
def path(tmp_path):
    """Where the journal is."""
    return tmp_path / "journal"


def found_in(path):
    """Read the journal."""
    return read_segments(path, segments_of(path))


def history(path):
    """Read its exchanges; however old an intent is, it may run."""
    return History(found_in(path), lambda: is_written(path), "")


async def test_exchanges_come_back_as_they_went_in(path):
    """Members survive the way to the file and back, whatever a caller put into them."""
    journal = opened(path)
    await intend(journal, an_intent(notes=HOSTILE))
    refused = Attempt(401, "aa", "t", 0.004)
    journal.exchange(a_record(notes=HOSTILE, refused=refused, attempts=2))
    journal.exchange(a_record(2, method=b"GET", path=b"/REST/dimona/v2/declarations/85073003328?x=1"))
    journal.close()
    first, second = history(path)
    assert [len(first.lines), len(second.lines)] == [2, 1]
    assert (first.text("reference"), first.text("trace_caller")) == HOSTILE[:2]
    assert first.members["refused_attempt"] == {"status": 401, "token": "aa", "trace": "t", "ms": 4.0}
    assert (first.word, first.number("status"), second.text("method")) == ("answered", 201, "GET")
    assert "85073003328" not in second.text("path")
    suggestions = Suggestions("local")
    suggestions.take(first)
    suggestions.take(second)
    ((entries),) = suggestions.proposals().values()
    assert [text for text, _ in entries] == [
        "POST /REST/dimona/v2/declarations",
        "GET /REST/dimona/v2/declarations/*",
    ]


async def test_killed_gateway_leaves_its_open_declarations_in_doubt(path):
    """While it lives they run; once it is gone, and in every later run, they are in doubt."""
    journal = opened(path)
    for number in range(4):
        await intend(journal, an_intent(number))
    journal.exchange(a_record(1))
    journal.exchange(a_record(2, status=504, origin="network", outcome="unknown", upstream_seconds=0.0))
    journal._flush()
    assert {one.text("id"): one.word for one in history(path) if one.running} == {
        the_id(0): "running",
        the_id(3): "running",
    }
    crash(journal)
    left = {the_id(0): "no-outcome", the_id(2): "no-answer", the_id(3): "no-outcome"}
    assert {one.text("id"): reason(one) for one in history(path) if reason(one)} == left
    journal = opened(path)
    await intend(journal, an_intent(5))
    assert {one.text("id"): reason(one) for one in history(path) if reason(one)} == left
    journal.close()


async def test_journal_of_several_runs_verifies(path):
    """The head that the writer knows is the one that the reader finds, across runs, repairs and segments."""
    heads = []
    for run in range(3):
        journal = opened(path, segment_bytes=65_536)
        for number in range(100):
            await intend(journal, an_intent(1_000 * run + number, admission=Admission("payroll", "p" * 200)))
        heads.append(journal.snapshot().head)
        crash(journal)
        last = path / segments_of(path)[-1].name
        with last.open("ab") as stream:
            stream.write(b'{"torn')
    verdict = verify(found_in(path), heads)
    assert verdict.count == 0
    assert (verdict.segments > 2, len(verdict.repairs), verdict.torn is not None) == (True, 2, True)
    assert verdict.head == heads[-1]
    assert len(verdict.anchors) == 3


async def test_commands_read_what_a_live_gateway_writes(path, capfd):
    """show, verify and export work beside the writer, and the writer goes on."""
    journal = opened(path)
    await intend(journal, an_intent(notes=HOSTILE))
    journal.exchange(a_record(notes=HOSTILE, status=500))
    journal._flush()
    capfd.readouterr()
    for code, words in (
        (0, ["show"]),
        (1, ["show", "--in-doubt"]),
        (0, ["verify", "--head", journal.snapshot().head]),
        (0, ["export", "--csv"]),
    ):
        assert execute(["audit", *words, "--journal", str(path)]) == code
        text = capfd.readouterr().out
        assert text.replace("\r", "").replace("\n", "").isprintable()
    journal.exchange(a_record(2))
    journal.close()
    assert verify(found_in(path)).count == 0
