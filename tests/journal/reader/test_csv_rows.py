"""Rows that are written in one piece are, byte for byte, those that are written cell by cell."""

from __future__ import annotations

import csv
import io
import json
import math
import random

import pytest

from fla_gateway.journal.format.line_format import ACCOUNT, SETTLED, read
from fla_gateway.journal.reader.accounts import Accounts
from fla_gateway.journal.reader.exchange_history import Exchange, History
from fla_gateway.journal.reader.forms.csv_export import HEAD, MEANINGS, excel_rows, harmless, rows
from fla_gateway.journal.reader.forms.local_time import local_without_offset
from fla_gateway.journal.reader.in_doubt import reason
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import lines_of_kind, read_segments
from fla_gateway.journal.reader.settlements import collected
from tests.support.journals import ENDED, EXCHANGE, JournalBuilder, write

TEXTS = (
    "plain", "", "=1+1", "+1", "-1", "@x", " =1", '"=1', ";=1", "a;=1", "a; =1", "a,b", 'a"b', "a\nb", "\n=1", "\t=1",
    "a\rb", "\x1b[2J", "\x7f", "\u00e9", "\uff1d1", "\u2212\u0031", "\ud800", "\\", "a\\", "007", "1,5", "1e5",
    "2026-11-23", "0", "123456789012345678", "POST /a/**", "~0123", "(x)", "!", "'", "a'b", "nan", " ", "a ", "0;1",
    "3=", "4\n5",
)  # fmt: skip
VALUES: tuple[object, ...] = (
    *TEXTS, None, True, False, 0, 1, -1, 10**16, 10**17, 0.0, -0.5, 1.5, 1e-7, 1e21, 123456.7891, math.nan, math.inf,
    -math.inf, [], [1, "=1"], {}, {"a": 1, "b": "=2"},
)  # fmt: skip
NAMES = (*EXCHANGE, *ENDED, "trace_again", "body", "made", "id")


def a_cell(value):
    """Write a value of the journal as a cell, each in its own step."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value if math.isfinite(value) else harmless(str(value))
    return harmless(value if isinstance(value, str) else json.dumps(value))


def cells_of(exchange, accounts):
    """Give the cells of a row by the columns' names."""
    members, settled, account = exchange.members, exchange.settlement, accounts.of(exchange)
    refused = members.get("refused_attempt")
    own = {
        "ended": exchange.outcome.members["time"] if exchange.outcome else "",
        "time": exchange.time,
        "outcome": exchange.word,
        "doubt": reason(exchange),
        "body": exchange.body,
        "settled": settled and settled.result,
        "settled_at": settled and settled.time,
        "settled_by": settled and settled.by,
        "settled_uid": settled and settled.uid,
        "settled_note": settled and settled.note,
    }
    for name in HEAD:
        if name in own:
            yield a_cell(own[name])
        elif name.startswith("account_"):
            yield harmless(account.text(name.removeprefix("account_"))) if account else ""
        elif name.startswith("refused_"):
            yield a_cell(refused.get(name.removeprefix("refused_")) if isinstance(refused, dict) else None)
        else:
            yield a_cell(members.get(name))


def excel(cell):
    """Write a cell as Excel takes it."""
    if isinstance(cell, float):
        return f"{cell:g}".replace(".", ",")
    is_like_a_number = isinstance(cell, str) and cell[:1].isdigit() and not set(cell) - set("0123456789.,:/eE +-")
    is_number = is_like_a_number and (cell == "0" or (cell.isdecimal() and cell[0] != "0" and len(cell) <= 15))
    return f"'{cell}" if is_like_a_number and not is_number else cell


def row_of(cells, delimiter):
    """Write a row by the standard library."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def expected(exchange, accounts, shown):
    """Write a row of both sheets."""
    cells = list(cells_of(exchange, accounts))
    ended = exchange.outcome.members["time"] if exchange.outcome else ""
    first = [*map(local_without_offset, (exchange.time, ended)), shown(MEANINGS.get(exchange.word, ""))]
    return row_of(cells, ","), row_of([*first, *map(excel, cells)], ";")


def assert_same(exchanges, accounts, shown=str):
    """Compare each row of both sheets."""
    both = zip(list(rows(exchanges, accounts))[1:], list(excel_rows(exchanges, accounts, shown))[1:], strict=True)
    for exchange, found in zip(exchanges, both, strict=True):
        assert found == expected(exchange, accounts, shown)


IDENTITY = "9f37ccbe-bf39-40f3-b896-4aad3b367699"


def members(choice):
    """Make the members of an exchange, one or two of which are odd; some are absent."""
    made = {
        **EXCHANGE,
        **ENDED,
        "id": IDENTITY,
        "body": "0011223344556677",
        "made": "~01",
    }
    for name in choice.sample(NAMES, choice.choice([0, 1, 1, 2])):
        made[name] = choice.choice(VALUES)
    for name in choice.sample(NAMES, choice.choice([0, 3])):
        made.pop(name, None)
    if choice.random() < 0.1:
        made["refused_attempt"] = {"status": 401, "token": "aa", "trace": choice.choice(VALUES), "ms": 4.0}
    return made


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_odd_members_are_those_of_each_cell(seed):
    """Whatever a line has, nothing is left unguarded or unquoted because the row was looked at as a whole."""
    choice = random.Random(seed)  # noqa: S311 - an example, not a secret
    time = "2026-11-23T08:00:01.000Z"
    exchanges: list[Exchange] = []
    for number in range(1_000):
        lines = [read(write("", number, time, kind, members(choice))) for kind in ("intent", "outcome")]
        intent, outcome = lines
        exchanges += choice.choice([[Exchange(intent, outcome)], [Exchange(intent, None)], [Exchange(None, outcome)]])
    assert_same(exchanges, Accounts(), lambda text: f'{text}; "{text}"')


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["reference", "ms", "refused_attempt", "id"])
def test_each_odd_value_is_written_as_its_cell(name, value):
    """Each value by itself, in an exchange that has nothing else that is odd."""
    line = read(write("", 1, "2026-11-23T08:00:01.000Z", "outcome", {**EXCHANGE, **ENDED, name: value}))
    assert_same([Exchange(None, line)], Accounts())


def test_rows_of_settled_exchanges_and_odd_accounts_are_those_of_each_cell(tmp_path):
    """What stands in other lines is guarded as well."""
    journal = JournalBuilder(tmp_path / "journal")
    journal.start()
    for client in ("client-1", "=cmd()", "\u00e9", ""):
        journal.add("account", profile="employer", client_id=client, api="api.example", certificate="0" * 64)
        left = journal.intent()
        journal.post()
        journal.get(profile="secretariat")
        journal.add("settled", id=left, **{"as": "done"}, note="=1;2", by="Ann", uid=1000)
    segments = segments_of(journal.directory)
    settled = collected(lines_of_kind(journal.directory, segments, SETTLED))
    accounts = Accounts(lines_of_kind(journal.directory, segments, ACCOUNT))
    exchanges = list(History(read_segments(journal.directory, segments), lambda: False, "", settlements=settled))
    assert len(exchanges) == 12
    assert_same(exchanges, accounts)
