"""`fla-gateway audit settle`: while no gateway runs, the command writes; and what it refuses to write."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.cli.main import execute
from tests.support.forked_process import fork_gateway
from tests.support.journals import JournalBuilder

UNKNOWN = {"outcome": "unknown", "status": 504, "origin": "network", "delivery": "unknown"}


@pytest.fixture
def journal(tmp_path):
    """A journal of a gateway that was killed some minutes ago."""
    journal = JournalBuilder(tmp_path / "journal", datetime.now(UTC) - timedelta(minutes=5))
    journal.start()
    return journal


@pytest.fixture
def audit(journal, capfd):
    """Run an audit command on the journal; give exit code, standard output and standard error."""

    def run(*words):
        code = execute(["audit", words[0], "--journal", str(journal.directory), *words[1:]])
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return run


def lines(journal):
    """Give the last lines of the journal, behind those that the test wrote."""
    every = [
        json.loads(it) for file in sorted(journal.directory.glob("*.jsonl")) for it in file.read_bytes().splitlines()
    ]
    return every[journal.seq :]


def test_a_doubt_is_settled_and_the_journal_verifies(journal, audit):
    """With the words of the person and the user id of the process; the exit code of the morning's look is 0 again."""
    left, unknown = journal.intent(), journal.post(**UNKNOWN)
    assert audit("show", "--in-doubt")[0] == 1
    code, out, err = audit(
        "settle", left, f"urn:uuid:{unknown.upper()}", left, "--as", "done", "--note", "é: seen", "--by", "Ann"
    )
    assert (code, out, err) == (0, "settled as done: 2\n", "")
    assert [(it["record"], it["id"], it["as"], it["note"], it["by"], it["uid"]) for it in lines(journal)] == [
        ("settled", name, "done", "é: seen", "Ann", os.getuid()) for name in (left, unknown)
    ]
    assert audit("show", "--in-doubt")[0] == 0
    assert audit("verify")[0] == 0


def test_the_last_settlement_counts_and_all_are_listed(journal, audit):
    """Nothing is erased: a new settlement is beside the former one."""
    left = journal.intent()
    assert audit("settle", left, "--as", "done", "--by", "Ann")[0] == 0
    assert audit("settle", left, "--as", "sent-again", "--json")[0] == 0
    code, out, _ = audit("show", "--settled")
    assert code == 0
    assert [line.split()[1:3] for line in out.splitlines()[1:]] == [
        ["no-outcome", "done"],
        ["no-outcome", "sent-again"],
    ]
    assert " Ann " in out.splitlines()[1]


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among others"])
def test_only_what_is_in_doubt_can_be_settled(journal, audit, alone):
    """What never was, what was answered, and what only read: each is named, and nothing at all is written."""
    left, answered, read, never = journal.intent(), journal.post(), journal.get(status=500), str(uuid.uuid4())
    before = journal.file.read_bytes()
    ids = (answered, read, never, *(() if alone else (left,)))
    code, out, err = audit("settle", *ids, "--as", "done")
    assert (code, out) == (1, "")
    assert [line.split(":")[0] for line in err.splitlines()] == [answered, read, never]
    assert ["not in doubt" in line for line in err.splitlines()] == [True, True, False]
    assert "is not in the journal" in err.splitlines()[2]
    assert journal.file.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("--note", "one\ntwo"),
        ("--note", "\x1b[2J"),
        ("--note", "\u202eenod"),
        ("--note", "x" * 501),
        ("--by", "Ann\r"),
        ("--by", "x" * 65),
    ],
)
def test_texts_that_could_deceive_a_reader_are_refused(journal, audit, name, text):
    """Control characters, line breaks, marks that turn a line round, and what is too long."""
    left = journal.intent()
    before = journal.file.read_bytes()
    code, _, err = audit("settle", left, "--as", "done", f"{name}={text}")
    assert (code, err.isprintable(), journal.file.read_bytes()) == (1, False, before)
    assert err.count("\n") == 1
    assert err[:-1].isprintable()


def test_what_was_torn_is_repaired_before(journal, audit):
    """As a gateway's start does it: the line that a crash left is cut off, and that is recorded."""
    left = journal.intent()
    journal.raw(b'{"prev":"')
    assert audit("settle", left, "--as", "not-done")[0] == 0
    assert [it["record"] for it in lines(journal)] == ["repair", "settled"]
    assert audit("verify")[0] == 0


def test_a_new_day_begins_a_segment(tmp_path, capfd):
    """The chain goes on in it."""
    journal = JournalBuilder(tmp_path / "journal", datetime.now(UTC) - timedelta(days=3))
    left = journal.intent()
    assert execute(["audit", "settle", "--journal", str(journal.directory), left, "--as", "done"]) == 0
    assert [it["record"] for it in lines(journal)] == ["segment", "settled"]
    assert execute(["audit", "verify", "--journal", str(journal.directory)]) == 0
    capfd.readouterr()


def test_without_ids_and_without_a_terminal_nothing_is_settled(journal, audit):
    """A filter in a script would bury doubts that no person has seen."""
    journal.intent()
    before = journal.file.read_bytes()
    code, out, err = audit("settle", "--as", "done", "--since", "1h")
    assert (code, out) == (1, "")
    assert "on a terminal" in err
    assert journal.file.read_bytes() == before


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("y", 1)])
async def test_on_a_terminal_the_list_is_shown_and_settled_after_a_yes(journal, answer, code):
    """Of what the filters choose and is in doubt: each has a record of its own."""
    chosen = journal.intent(caller="hr")
    others = journal.intent(), journal.post(caller="hr")
    words = ["audit", "settle", "--as", "done", "--caller", "hr", "--journal", str(journal.directory)]
    terminal, end = pty.openpty()
    ended = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fla_gateway", *words, stdin=end, stdout=end, stderr=end
    )
    os.close(end)
    shown = b""
    while b"Type yes: " not in shown:
        shown += await asyncio.to_thread(os.read, terminal, 4096)
    os.write(terminal, answer.encode() + b"\n")
    assert await ended.wait() == code
    os.close(terminal)
    assert [it["id"] for it in lines(journal)] == ([chosen] if answer == "yes" else [])
    assert chosen.encode() in shown
    assert not any(it.encode() in shown for it in others)


def test_more_than_five_hundred_at_once_are_refused(journal, audit):
    """An operator with that many looks at them in parts."""
    ids = [str(uuid.UUID(int=number)) for number in range(501)]
    code, _, err = audit("settle", *ids, "--as", "done")
    assert (code, "narrow the filters" in err) == (1, True)


def test_a_place_without_a_journal_is_no_place(tmp_path, capfd):
    """Nothing is made there."""
    (tmp_path / "empty").mkdir()
    for name in ("missing", "empty"):
        assert execute(["audit", "settle", "--journal", str(tmp_path / name), str(uuid.uuid4()), "--as", "done"]) == 2
    assert list((tmp_path / "empty").iterdir()) == []
    capfd.readouterr()


def test_a_journal_that_is_in_use_without_a_gateway_stays_as_it_is(journal, tmp_path, capfd):
    """The lock is respected; the exit code says that no gateway answers."""
    left = journal.intent()
    before = journal.file.read_bytes()
    (tmp_path / "gateway.toml").write_text('[gateway]\nlisten = []\n[admin]\nlisten = "127.0.0.1:9"\n')
    with journal.held():
        words = ["--journal", str(journal.directory), "--config", str(tmp_path / "gateway.toml")]
        assert execute(["audit", "settle", *words, left, "--as", "done"]) == 69
    assert "no gateway answers" in capfd.readouterr().err
    assert journal.file.read_bytes() == before


async def test_two_commands_at_once_leave_a_chain_that_holds(journal, audit):
    """Each writes its records; one waits for the other."""
    doubts = [journal.intent() for _ in range(6)]
    place = ("--journal", str(journal.directory))
    commands = [await fork_gateway("audit", "settle", *place, it, "--as", "done") for it in doubts]
    assert [await it.wait() for it in commands] == [0] * 6
    assert sorted(it["id"] for it in lines(journal)) == sorted(doubts)
    assert audit("verify")[0] == 0
