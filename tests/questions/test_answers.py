"""What a question says where the journal cannot answer it whole, and what callers put into it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.access.path_masking import mask_path
from fla_gateway.journal.format.body_hash import BodyHasher
from fla_gateway.journal.reader.accounts import Accounts
from fla_gateway.journal.reader.filters import OUTCOMES
from fla_gateway.journal.reader.forms.csv_export import MEANINGS
from tests.support.journals import JournalBuilder

KEY = bytes(range(32))
NUMBER = "85073003328"
HOSTILE = "\x1b[2J=cmd|'/c calc'!A1\r\n\u202eevil"


def path_of(number):
    """Give a path as the journal has it."""
    return mask_path(f"/REST/dimona/v2/declarations/{number}".encode(), KEY)


def removed(journal):
    """Let retention take the first segment."""
    head, seq, first = journal.head, journal.seq, journal.file
    journal.now += timedelta(days=1)
    journal.segment()
    journal.add("retention", segments=[{"segment": 1, "first_seq": 1, "last_seq": seq, "head": head}])
    first.unlink()


@pytest.mark.parametrize("words", [["find", NUMBER], ["match", "FILE"]])
def test_without_the_key_the_question_cannot_be_answered(journal, ask, tmp_path, words):
    """A missing or damaged mask.key is said, with what can still be asked; that is no plain nothing."""
    file = tmp_path / "body"
    file.write_bytes(b"{}")
    words = [str(file) if word == "FILE" else word for word in words]
    key = journal.directory / "mask.key"
    for change in (lambda: key.write_bytes(b"short"), key.unlink):
        change()
        code, text, error = ask(journal.directory, *words)
        assert (code, text) == (2, "")
        assert "numbers and bodies cannot be looked for any more" in error


@pytest.mark.parametrize("words", [["find", NUMBER], ["show"], ["export"], ["report", "--since", "2000-01-01"]])
def test_what_retention_removed_is_said_not_to_be_looked_at(journal, ask, words):
    """Nothing found is nothing found in what is left."""
    journal.get(path=path_of(NUMBER))
    removed(journal)
    _, _, error = ask(journal.directory, *words)
    assert "not looked at: what was recorded before 2026-11-24; segments up to 1 are removed" in error
    if words == ["show"]:
        assert ask(journal.directory, "show", "--since", "2026-11-25")[2] == ""


def test_damage_and_gaps_make_the_answer_uncertain(journal, ask):
    """What is found is shown, and the exit code says that there may be more."""
    journal.get(path=path_of(NUMBER))
    assert ask(journal.directory, "find", NUMBER)[0] == 0
    journal.raw(b'{"prev":"\x00"}\n')
    journal.seq += 3
    journal.get()
    code, text, error = ask(journal.directory, "find", NUMBER)
    assert (code, len(text.splitlines())) == (1, 2)
    assert "1 line could not be read" in error
    assert "are missing, and nothing accounts for them" in error
    assert ask(journal.directory, "report", "--since", "2026-01-01")[0] == 1


@pytest.mark.parametrize("number", ["", "a/b", "1?x", "1#x", "declarations", "v2"])
def test_what_is_no_number_is_refused(journal, ask, number):
    """A word that the journal does not mask, or more than one part of a path, is wrong use."""
    assert ask(journal.directory, "find", number)[0] == 2


def test_a_number_is_found_in_either_spelling(journal, ask):
    """A number that callers send percent-encoded is found as people write it."""
    journal.get(path=path_of("0123%20456"))
    assert ask(journal.directory, "find", "0123 456")[0] == 0


def test_an_empty_file_is_refused(journal, ask, tmp_path):
    """An empty body has no hash; nothing found would be a wrong answer."""
    file = tmp_path / "empty"
    file.touch()
    code, _, error = ask(journal.directory, "match", str(file))
    assert (code, "it is empty" in error) == (2, True)
    assert ask(journal.directory, "match", str(tmp_path / "none"))[0] == 2


def test_a_body_that_came_late_matches_as_well(journal, ask, tmp_path):
    """The hash of a body that was still coming is in the outcome."""
    file = tmp_path / "body"
    file.write_bytes(b"x" * 3_000_000)
    journal.outcome(journal.intent(), body=BodyHasher(KEY).hash_bodies([file.read_bytes()])[0])
    assert ask(journal.directory, "match", str(file))[0] == 0


def test_only_what_was_sent_within_a_day_is_repeated(journal, ask):
    """Another place, another day, and what never reached the API is no repetition; three equal ones are three rows."""
    day = timedelta(days=1)
    for _ in range(3):
        journal.post(body="0011223344556677")
    journal.post(body="0011223344556677", path="/REST/other/v1/declarations")
    journal.outcome("", body="0011223344556677", attempts=0, outcome="refused", status=503, origin="gateway")
    journal.now += day
    journal.post(body="aa11223344556677")
    journal.now += day
    journal.post(body="aa11223344556677")
    rows = ask(journal.directory, "show", "--repeated")[1].splitlines()
    assert [row.split()[1] for row in rows[1:]] == ["0011223344556677"] * 3


def test_without_failures_the_report_is_a_count(journal, ask):
    """A week without trouble is a page of a few lines, in local time where that is asked for."""
    for _ in range(3):
        journal.post()
        journal.get()
    code, text, _ = ask(journal.directory, "report", "--since", "2026-11-23", "--until", "2026-11-23")
    assert (code, text.splitlines()) == (
        0,
        [
            "from 2026-11-23T00:00:00.000Z to 2026-11-24T00:00:00.000Z",
            "6 calls, 3 of them changing",
            "nothing failed",
        ],
    )
    words = ["report", "--since", "2026-11-23", "--local"]
    since = datetime(2026, 11, 23).astimezone()
    assert f"from {since:%Y-%m-%d %H:%M:%S%z} to now" in ask(journal.directory, *words)[1]


def test_a_report_counts_only_its_period(journal, ask):
    """Calls before and after are not of it, wherever blocks of the file end."""
    for _ in range(2_000):
        journal.get()
    begin = journal.now + timedelta(milliseconds=500)
    for _ in range(1_500):
        journal.post()
    end = journal.now + timedelta(milliseconds=500)
    for _ in range(2_000):
        journal.get(status=500)
    words = (f"{begin:%Y-%m-%dT%H:%M:%S.%f}", f"{end:%Y-%m-%dT%H:%M:%S.%f}")
    code, text, _ = ask(journal.directory, "report", "--since", words[0], "--until", words[1])
    assert (code, "1500 calls, 1500 of them changing" in text, "nothing failed" in text) == (0, True, True)
    narrow = ask(journal.directory, "report", "--since", words[0], "--until", words[1], "--profile", "employer")
    assert narrow[1] == text


def test_a_settled_doubt_is_listed_as_settled(journal, ask):
    """What a person has found out is no open doubt, neither in the report nor in the dossier."""
    identity = journal.post(outcome="unknown", status=504, origin="network")
    journal.add("settled", id=identity, by="An", **{"as": "done"})
    code, text, _ = ask(journal.directory, "report", "--since", "2026-01-01")
    assert (code, "1 was in doubt, and a person has settled it" in text) == (0, True)
    folder = journal.directory.parent / "dossier"
    assert ask(journal.directory, "dossier", str(folder))[0] == 0
    assert (folder / "doubts-open.txt").read_text() == "none\n"
    assert "An" in (folder / "doubts-settled.txt").read_text()
    (row,) = csv.DictReader((folder / "exchanges.csv").read_text().splitlines())
    assert (row["settled"], row["settled_by"], row["doubt"]) == ("done", "An", "")


def test_nothing_that_came_from_outside_is_obeyed(journal, ask):
    """Control characters, formulas and directional marks are shown in every answer."""
    journal.add("account", profile="employer", environment="x", api=HOSTILE, client_id=HOSTILE)
    journal.post(reference=HOSTILE, trace_received=HOSTILE, made=HOSTILE, body="00", outcome="unknown", status=504)
    for words in (["show", "--short"], ["show", "--json"], ["report", "--since", "2026-01-01"], ["export"]):
        text = ask(journal.directory, *words)[1]
        assert text.replace("\r\n", "").replace("\n", "").isprintable(), words
    text = ask(journal.directory, "export", "--excel")[1]
    assert text[1:].replace("\r\n", "").isprintable()
    for row in csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"):
        assert not any(cell.strip().strip('"').strip()[:1] in {*"=+-@"} for cell in row), row
    folder = journal.directory.parent / "dossier"
    ask(journal.directory, "dossier", str(folder))
    for path in folder.iterdir():
        assert path.read_text().replace("\r\n", "").replace("\n", "").isprintable(), path.name


@pytest.mark.parametrize(
    ("text", "cell"),
    [("0123456789", "'0123456789"), ("12345678901234567", "'12345678901234567"), ("1e5", "'1e5"), ("1-2", "'1-2")],
)
def test_excel_keeps_what_looks_like_a_number(journal, ask, text, cell):
    """An enterprise number keeps its zero, and a long one its last digits."""
    journal.post(reference=text)
    (row,) = csv.DictReader(ask(journal.directory, "export", "--excel")[1][1:].splitlines(), delimiter=";")
    assert row["reference"] == cell


def test_every_word_of_outcome_is_explained():
    """No word of the journal comes to a sheet without its meaning."""
    assert set(MEANINGS) == set(OUTCOMES)


def test_the_account_is_the_one_of_the_time(journal, ask):
    """Each exchange has the certificate that held when it began; one before the first has none."""
    journal.post()
    identity = ""
    for certificate in ("aa", "aa", "bb"):
        journal.add("account", profile="employer", environment="x", api="h", client_id="c", certificate=certificate)
        journal.add("account", profile="another", environment="x", api="h", client_id="c", certificate="cc")
        identity = journal.intent()
    journal.add("account", profile="employer", environment="x", api="h", client_id="c", certificate="dd")
    journal.outcome(identity)
    rows = list(csv.DictReader(ask(journal.directory, "export")[1].splitlines()))
    assert [row["account_certificate"] for row in rows] == ["", "bb", "aa", "aa"]


def test_no_account_is_no_cell():
    """A journal of an older version has none, and the sheet says nothing."""
    assert list(Accounts().between("", "")) == []


def test_a_dossier_is_of_its_period(journal, ask):
    """Exchanges and accounts of another time are not in it."""
    journal.add("account", profile="employer", environment="x", api="h", client_id="old")
    journal.post()
    journal.now += timedelta(days=3)
    journal.add("account", profile="employer", environment="x", api="h", client_id="middle")
    middle = journal.now
    journal.post(reference="wanted")
    journal.now += timedelta(days=3)
    journal.add("account", profile="employer", environment="x", api="h", client_id="new")
    journal.post()
    folder = journal.directory.parent / "dossier"
    words = ("--since", f"{middle - timedelta(days=1):%Y-%m-%d}", "--until", f"{middle:%Y-%m-%d}")
    assert ask(journal.directory, "dossier", str(folder), *words)[0] == 0
    (row,) = csv.DictReader((folder / "exchanges.csv").read_text().splitlines())
    assert row["reference"] == "wanted"
    accounts = (folder / "accounts.txt").read_text()
    assert ("old" in accounts, "middle" in accounts, "new" in accounts) == (True, True, False)


def test_a_dossier_does_not_depend_on_what_runs(tmp_path, ask):
    """A gateway that holds the lock changes nothing in it: what has no outcome has none."""
    journal = JournalBuilder(tmp_path / "journal", datetime.now(UTC) - timedelta(minutes=5))
    journal.intent()
    with journal.held():
        ask(journal.directory, "dossier", str(tmp_path / "one"))
    ask(journal.directory, "dossier", str(tmp_path / "two"))
    texts = [(tmp_path / name / "exchanges.csv").read_text() for name in ("one", "two")]
    assert texts[0] == texts[1]
    assert "no-outcome" in texts[0]


def test_local_times_are_read_and_shown(journal, ask):
    """With --local a time without an offset is local, and so are those of the table."""
    journal.get()
    local = journal.now.astimezone()
    shown = ask(journal.directory, "show", "--local", "--since", f"{local:%Y-%m-%dT%H:%M:%S}")[1]
    assert f"{local:%Y-%m-%d %H:%M:%S%z}" in shown
    late = f"{local + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"
    assert ask(journal.directory, "show", "--since", late, "--local")[1] == ""
