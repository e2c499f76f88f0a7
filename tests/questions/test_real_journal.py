"""Each question, put to the journal of a real gateway that worked under load, was killed and started again."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from datetime import datetime

import pytest

from tests.questions.conftest import BROKEN, CALLERS, EACH, LOST, TWICE

CALLS = CALLERS * EACH * 2 + 6


def rows_of(text, delimiter=","):
    """Read a sheet."""
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.fixture(autouse=True)
def _whole(asked, ask):
    """After each question the journal is what it was."""
    before = {path.name: path.read_bytes() for path in asked.directory.iterdir()}
    yield
    assert {path.name: path.read_bytes() for path in asked.directory.iterdir()} == before
    code, text, _ = ask(asked.directory, "verify")
    assert (code, "all well" in text) == (0, True)


def test_a_number_finds_its_declaration_with_the_call_that_made_it(asked, ask):
    """The creation and what asked for it, by a number that the journal has only masked."""
    number = next(iter(asked.made))
    code, text, error = ask(asked.directory, "find", number)
    assert (code, error) == (0, "")
    head, made, read = (line.split() for line in text.splitlines())
    assert head[-3:] == ["made", "reference", "id"]
    assert (made[5], read[5]) == ("POST", "GET")
    assert made[7].startswith("~")
    assert read[6].endswith(f"/{made[7]}")
    assert number not in text
    code, text, _ = ask(asked.directory, "find", "85073003327")
    assert (code, "no call of this journal" in text) == (1, True)


def test_a_file_matches_the_exchange_that_carried_it(asked, ask, tmp_path):
    """Exactly these bytes were sent, once, and one byte more was not."""
    number, body = next(iter(asked.made.items()))
    file = tmp_path / "declaration.json"
    file.write_bytes(body)
    code, text, error = ask(asked.directory, "match", str(file), "--json")
    assert (code, error) == (0, "")
    account, intent, outcome = map(json.loads, text.splitlines())
    assert [it["record"] for it in (account, intent, outcome)] == ["account", "intent", "outcome"]
    assert (intent["id"], outcome["status"]) == (outcome["id"], 201)
    assert outcome["made"] in ask(asked.directory, "find", number)[1]
    file.write_bytes(body + b"\n")
    assert ask(asked.directory, "match", str(file))[0] == 1
    for body in (LOST, BROKEN):
        file.write_bytes(body)
        assert ask(asked.directory, "match", str(file))[0] == 0


def test_what_was_sent_twice_is_shown_in_pairs(asked, ask):
    """Of hundreds of bodies one came twice within the day."""
    code, text, error = ask(asked.directory, "show", "--repeated")
    assert (code, error) == (0, "")
    head, first, second = (line.split() for line in text.splitlines())
    assert head[1] == "body"
    assert first[1] == second[1]
    assert {first[-2], second[-2]} == {"client-7"}
    assert len(TWICE) > 0


def test_each_exchange_has_the_account_of_its_time(asked, ask):
    """Client id, host and certificate of the profile stand before the lines of the exchange, and in the sheet."""
    code, text, _ = ask(asked.directory, "show", "--json", "--profile", "closed")
    account = json.loads(text.splitlines()[0])
    assert (code, account["record"], account["client_id"]) == (0, "account", "client-8")
    assert re.fullmatch(r"[0-9a-f]{64}", account["certificate"])
    rows = rows_of(ask(asked.directory, "export")[1])
    assert len(rows) == CALLS
    assert {row["account_client_id"] for row in rows if row["profile"] == "employer"} == {"client-7"}
    assert {row["account_certificate"] for row in rows} == {account["certificate"]}


def test_what_was_sent_for_a_client_is_a_sheet(asked, ask):
    """A reference of one client, for a Belgian Excel: semicolons, local time, words explained."""
    code, text, _ = ask(asked.directory, "export", "--excel", "--reference", "client-3")
    assert (code, text[0]) == (0, "\ufeff")
    rows = rows_of(text[1:], ";")
    assert len(rows) == EACH
    assert {row["meaning"] for row in rows} == {"the API answered"}
    local = datetime.fromisoformat(rows[0]["time"]).astimezone()
    assert rows[0]["local_time"] == f"{local:%Y-%m-%d %H:%M:%S}"
    assert re.fullmatch(r"[0-9]+(,[0-9]+)?", rows[0]["ms"])


def test_the_report_is_one_page(asked, ask):
    """How many calls, the failures of each hop with their times and traces, what was not sent, what is in doubt."""
    code, text, error = ask(asked.directory, "report")
    assert (code, error) == (1, "")
    assert f"{CALLS} calls, {CALLERS * EACH + 5} of them changing" in text
    for words in ("the API: 1 failed", "1 x 500", "the network to the API: 1 failed", "1 x api-unreachable"):
        assert words in text
    assert "this gateway: 1 failed\n" in text
    assert "1 x no-outcome" in text
    assert "1 not sent, so that it has to be sent again" in text
    assert "2 in doubt" in text
    assert re.search(r"first 20\S+ \S+[+-]\d{4} \(20\S+Z\)", text)
    assert "trace ids: " in text
    assert len(text.splitlines()) < 50


def test_the_short_form_fits_into_100_columns(asked, ask):
    """Every exchange has a row of 100 columns at most."""
    code, text, _ = ask(asked.directory, "show", "--short", "--local")
    assert (code, len(text.splitlines())) == (0, CALLS + 1)
    assert max(map(len, text.splitlines())) <= 100


def test_the_last_exchanges_come_from_the_end(asked, ask):
    """What is shown of the end is what the whole would end with."""
    whole = ask(asked.directory, "show", "--json")[1].splitlines()
    last = ask(asked.directory, "show", "--json", "--last", "7")[1].splitlines()
    assert whole[-len(last) :] == last
    assert len({json.loads(line)["id"] for line in last if '"record":"account"' not in line}) == 7


def test_a_dossier_is_the_same_bytes_twice(asked, ask, tmp_path):
    """Two folders of one journal do not differ, only their owner can read them, and none is written over."""
    for name in ("one", "two"):
        assert ask(asked.directory, "dossier", str(tmp_path / name))[0] == 0
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert set(one) == {
        "README.txt", "exchanges.csv", "doubts-open.txt", "doubts-settled.txt", "accounts.txt", "verify.txt",
    }  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "one").iterdir()} == {0o600}
    assert len(rows_of(one["exchanges.csv"].decode())) == CALLS
    page, verdict = one["README.txt"].decode(), one["verify.txt"].decode()
    assert "all well" in verdict
    head = re.findall(r"^head +([0-9a-f]{64})$", verdict, re.MULTILINE)
    assert head
    assert head[0] in page
    assert "What it does not prove" in page
    assert len(one["doubts-open.txt"].decode().splitlines()) == 3
    assert one["doubts-settled.txt"] == b"none\n"
    assert b"client-8" in one["accounts.txt"]
    code, _, error = ask(asked.directory, "dossier", str(tmp_path / "one"))
    assert (code, "is not empty" in error) == (2, True)
