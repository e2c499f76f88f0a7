"""What came from outside is harmless in tables and sheets."""

from __future__ import annotations

import csv
import io
import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.journal.format.line_format import read
from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.forms.csv_export import HEAD, harmless, rows
from fla_gateway.journal.reader.forms.text_table import DOUBTS, EXCHANGES, aligned
from fla_gateway.observe.logs.log_values import printable
from tests.support.journals import ENDED, EXCHANGE, write
from tests.support.properties import BOUNDED

ATTACKS = (
    "=HYPERLINK(1)", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\u3000=1",
    "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\ufe661", "\u22121",
    "\x1b[2J", "\x9b2J", "\u202e=1", "\ud800", '"=1"', 'a";=1', "a;=1",
    "a; =1", ";;-1", ";=1", "=1;=1", 'a;"=1', "a,=1", "\x00=1", "\x7f",
)  # fmt: skip


def exchange(**members):
    """Give an exchange of two lines with these members in both."""
    stamps = ("2026-11-23T08:00:00.000Z", "2026-11-23T08:00:01.000Z")
    own = {"id": "1"} | EXCHANGE
    intent = read(write("", 1, stamps[0], "intent", own | members))
    return Exchange(intent, read(write("", 2, stamps[1], "outcome", own | ENDED | members)))


def parsed(*exchanges, delimiter=","):
    """Write a sheet and read it again, as a spreadsheet would."""
    text = "".join(rows(exchanges))
    assert text.endswith("\r\n")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def begins_formula(cell):
    """Tell whether a spreadsheet may take a cell for a formula."""
    return cell.strip().strip('"').strip()[:1] in {*"=+-@\uff1d\uff0b\uff0d\uff20\ufe66\u2212"}


def test_sheet_has_one_row_for_each_exchange():
    """Intent and outcome are one row, under a header with every member."""
    head, row = parsed(exchange(reference="batch-17", observed=True))
    assert head == list(HEAD)
    cells = dict(zip(head, row, strict=True))
    members = {**EXCHANGE, **ENDED}
    assert set(members) - set(head) == {"refused_attempt"}
    assert (cells["time"], cells["ended"]) == ("2026-11-23T08:00:00.000Z", "2026-11-23T08:00:01.000Z")
    assert (cells["reference"], cells["status"], cells["ms"], cells["observed"]) == ("batch-17", "201", "41.5", "yes")
    assert (cells["outcome"], cells["doubt"], cells["refused_status"]) == ("answered", "", "")


def test_sheet_has_both_attempts_of_a_replay():
    """The first attempt of a 401 replay has columns of its own."""
    refused = {"status": 401, "token": "aa", "trace": "t-1", "ms": 7.5}
    head, row = parsed(exchange(refused_attempt=refused))
    cells = dict(zip(head, row, strict=True))
    assert [cells[f"refused_{name}"] for name in refused] == ["401", "aa", "t-1", "7.5"]


def test_the_traces_of_both_attempts_are_shown():
    """By either the API can find a call that is in doubt; an older journal has the first alone."""
    head, row = parsed(exchange(trace_sent="t-1", trace_again="t-2"))
    cells = dict(zip(head, row, strict=True))
    assert (cells["trace_sent"], cells["trace_again"]) == ("t-1", "t-2")
    assert dict(zip(*parsed(exchange(trace_sent="t-1")), strict=True))["trace_again"] == ""
    shown = "\n".join(aligned(DOUBTS, [exchange(trace_sent="t-1", trace_again="t-2")], str))
    assert "t-1" in shown
    assert "t-2" in shown
    assert "t-1" in "\n".join(aligned(DOUBTS, [exchange(trace_sent="t-1")], str))


def test_exchange_without_outcome_has_empty_cells():
    """What is not known is empty, never 0."""
    head, row = parsed(Exchange(exchange().intent, None))
    cells = dict(zip(head, row, strict=True))
    assert (cells["outcome"], cells["doubt"]) == ("no-outcome", "no-outcome")
    assert (cells["status"], cells["ended"], cells["ms"]) == ("", "", "")


def test_numbers_stay_numbers():
    """A negative number is a number, and what only claims to be one is text."""
    row = "".join(rows([exchange(received=-5, sent="-5", ms=float("-inf"))])).splitlines()[1]
    assert ",-5,'-5," in row
    assert "'-inf" in row


@pytest.mark.parametrize("member", ["reference", "trace_caller", "trace_received", "caller"])
def test_attacks_are_harmless_in_a_sheet(member):
    """No cell begins a formula, by commas or by semicolons, and none holds a control character."""
    for attack, delimiter in product(ATTACKS, ",;"):
        for row in parsed(exchange(**{member: attack}), delimiter=delimiter)[1:]:
            assert not any(map(begins_formula, row)), row
            assert all(cell.isprintable() for cell in row)


@BOUNDED
@given(st.lists(st.sampled_from([*"=+-@;\" \t\r\n'a,1\uff1d\u2212\x1b\u3000"]), max_size=12).map("".join))
def test_no_text_becomes_a_formula(text):
    """Whatever a reference is made of, no piece of it begins a formula."""
    for delimiter in ",;":
        for row in parsed(exchange(reference=text), delimiter=delimiter)[1:]:
            assert not any(map(begins_formula, row)), row


@pytest.mark.parametrize("text", ["", "batch-17", "client 3, declaration 4", "é", "a-b;c=d", "100 %"])
def test_ordinary_text_stays_as_it_is(text):
    """What cannot be a formula is not touched."""
    assert harmless(text) == text


@pytest.mark.parametrize("columns", [EXCHANGES, DOUBTS])
def test_attacks_are_harmless_in_a_table(columns):
    """A row is one line without a character that a terminal obeys."""
    for attack in ATTACKS:
        lines = list(aligned(columns, [exchange(reference=attack, trace_sent=attack, path=attack)], printable))
        assert len(lines) == 2, attack
        assert all(line.isprintable() for line in lines), attack


def test_columns_are_aligned():
    """Each column begins at one place; an empty cell is a hyphen."""
    lines = list(aligned(EXCHANGES, [exchange(caller=""), exchange(caller="payroll-of-acme", ms=1234.5)], printable))
    at = lines[0].index("profile")
    assert [line[at : at + 8] for line in lines[1:]] == ["employer"] * 2
    assert " -  " in lines[1]
    assert "1234.5" in lines[2]


def test_no_exchange_is_no_table():
    """Without a row there is no head either."""
    assert list(aligned(EXCHANGES, [], printable)) == []


def test_long_tables_come_in_blocks():
    """The head stands once, and rows come before everything is gathered."""

    def endless():
        while True:
            yield exchange()

    lines = aligned(DOUBTS, endless(), printable)
    titles = [title for title, _ in DOUBTS]
    assert next(lines).split() == titles
    assert all(next(lines).split() != titles for _ in range(1500))


def test_line_as_it_stands_is_printable():
    """What `--json` repeats is ASCII without control characters, whatever a reference holds."""
    for attack in ATTACKS:
        line = exchange(reference=attack).lines[0]
        assert line.raw.decode("ascii").isprintable()
        assert json.loads(line.raw)["reference"] == attack
