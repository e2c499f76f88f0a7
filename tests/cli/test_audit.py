"""`fla-gateway audit show|verify|export`."""

from __future__ import annotations

import csv
import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.cli.audit.verify import PROVES, PROVES_NOT
from fla_gateway.cli.main import execute
from tests.support.configurations import EMPLOYER
from tests.support.journals import JournalBuilder

HOSTILE = "\x1b[2J=cmd|'/c calc'!A1\r\n\u202eevil"


@pytest.fixture
def journal(tmp_path):
    """A journal that was begun some minutes ago."""
    return JournalBuilder(tmp_path / "journal", datetime.now(UTC) - timedelta(minutes=5))


@pytest.fixture
def audit(journal, capfd):
    """Run an audit command on the journal; give exit code, lines of standard output, and standard error."""

    def run(*words):
        code = execute(["audit", words[0], "--journal", str(journal.directory), *words[1:]])
        printed = capfd.readouterr()
        return code, printed.out.splitlines(), printed.err

    return run


def refused(capfd, *words):
    """Give what is said of a wrong use."""
    with pytest.raises(SystemExit) as end:
        execute(["audit", *words])
    assert end.value.code == 2
    return capfd.readouterr().err


# show


def test_show_prints_a_row_for_each_exchange(journal, audit):
    """Exchanges come as a table, oldest first, and that is well."""
    journal.start()
    posted = journal.post(reference="batch-17")
    journal.get(caller="hr")
    code, (head, first, second), error = audit("show")
    assert (code, error) == (0, "")
    assert head.split() == [
        "time", "outcome", "status", "caller", "profile", "method", "path", "ms", "reference", "id",
    ]  # fmt: skip
    assert first.split()[1:] == [
        "answered", "201", "payroll", "employer", "POST", "/REST/dimona/v2/declarations", "41.5", "batch-17", posted,
    ]  # fmt: skip
    assert second.split()[3] == "hr"


def test_show_of_nothing_is_well(audit):
    """A journal without exchanges prints nothing."""
    assert audit("show") == (0, [], "")


def test_show_takes_what_is_wanted(journal, audit):
    """Each option leaves out what is not asked for."""
    first = journal.post(reference="batch-17")
    second = journal.get(caller="hr", profile="secretariat")
    third = journal.post(outcome="unknown", status=504, origin="network")

    def shown(*words):
        return [line.split()[-1] for line in audit("show", *words)[1][1:]]

    assert shown("--caller", "hr") == [second]
    assert shown("--profile", "employer") == [first, third]
    assert shown("--outcome", "unknown") == [third]
    assert shown("--reference", "batch") == [first]
    assert shown("--id", f"urn:uuid:{second.upper()}") == [second]
    assert shown("--last", "2") == [second, third]
    assert shown("--since", "1h", "--until", "0s") == [first, second, third]
    assert shown("--until", "1h") == []
    assert shown("--since", "2999-01-01") == []
    assert shown("--until", "2999-01-01", "--since", "2020-01-01T08:00") == [first, second, third]


def test_show_as_json_repeats_the_lines(journal, audit):
    """--json prints the lines of the exchanges as they stand in the journal."""
    journal.get()
    wanted = journal.post(reference=HOSTILE)
    code, lines, _ = audit("show", "--json", "--id", wanted)
    assert code == 0
    assert [line.encode() for line in lines] == journal.lines()[-2:]
    assert [json.loads(line)["record"] for line in lines] == ["intent", "outcome"]


def test_show_reads_several_segments(journal, audit):
    """An exchange may begin in one segment and end in the next, and --since skips what is long over."""
    identity = journal.intent()
    journal.segment()
    journal.outcome(identity)
    code, lines, _ = audit("show", "--since", "1d")
    assert (code, len(lines), lines[1].split()[1]) == (0, 2, "answered")


def test_show_is_harmless_in_a_terminal(journal, audit):
    """Control characters and escape sequences of a caller are shown, not obeyed."""
    journal.post(reference=HOSTILE, trace_received=HOSTILE, outcome="unknown")
    for words in (["show"], ["show", "--in-doubt"], ["show", "--json"]):
        _, lines, error = audit(*words)
        assert all(line.isprintable() for line in (*lines, *error.splitlines()))
        assert "evil" in "".join(lines)


def test_in_doubt_names_reason_and_trace(journal, audit):
    """Each declaration in doubt has its reason, reference and trace ids; there are some: exit code 1."""
    journal.start()
    journal.post()
    journal.intent(reference="crashed", trace_sent="t-1")
    journal.start("run-2")
    journal.post(reference="silent", outcome="unknown", status=504, origin="network")
    journal.post(reference="broken", status=500, trace_received="t-2")
    code, lines, _ = audit("show", "--in-doubt")
    assert code == 1
    assert [(line.split()[1], line.split()[7]) for line in lines[1:4]] == [
        ("no-outcome", "crashed"),
        ("no-answer", "silent"),
        ("server-error", "broken"),
    ]
    assert "t-1" in lines[1]
    assert "t-2" in lines[3]
    assert lines[4] == "3 in doubt:"
    assert "Ask the API itself" in lines[-2]


def test_in_doubt_without_any_is_well(journal, audit):
    """Nothing in doubt is said, with exit code 0, so that cron can ask."""
    journal.start()
    journal.post()
    assert audit("show", "--in-doubt") == (0, ["nothing is in doubt"], "")


def test_in_doubt_does_not_count_what_runs(journal, audit):
    """While a gateway holds the journal its open exchanges are running; once it is gone they are in doubt."""
    journal.start()
    journal.intent()
    with journal.held():
        code, lines, _ = audit("show", "--in-doubt")
    assert (code, lines[1].split()[1]) == (0, "running")
    assert lines[2:] == [
        "1 still running in the gateway that writes this journal; not counted",
        "nothing is in doubt",
    ]
    code, lines, _ = audit("show", "--in-doubt")
    assert (code, lines[1].split()[1]) == (1, "no-outcome")


def test_in_doubt_counts_what_an_earlier_run_left(journal, audit):
    """A gateway that lives does not vouch for the one before it."""
    journal.start()
    journal.intent()
    journal.start("run-2")
    with journal.held():
        assert audit("show", "--in-doubt")[0] == 1


def test_in_doubt_counts_before_it_cuts(journal, audit):
    """--last shortens what is shown, not what is found."""
    journal.start()
    journal.post(outcome="unknown")
    journal.intent()
    with journal.held():
        code, lines, _ = audit("show", "--in-doubt", "--last", "1")
    assert (code, lines[1].split()[1]) == (1, "running")


def test_in_doubt_cannot_be_denied_where_lines_are_missing(journal, audit):
    """Damaged lines and intents that were lost may hide a declaration: exit code 1 and a word about it."""
    journal.add("lost", since="2026-11-23T08:00:00.000Z", intents=2, outcomes=3)
    code, _, error = audit("show", "--in-doubt")
    assert code == 1
    assert "2 intents and 3 outcomes are missing" in error
    assert audit("show", "--in-doubt", "--until", "1h")[0] == 0
    journal.raw(b"x\n")
    code, _, error = audit("show", "--in-doubt", "--until", "1h")
    assert code == 1
    assert "1 line could not be read: see `fla-gateway audit verify`" in error
    assert audit("show")[0] == 1


def test_in_doubt_is_unknown_where_segments_are_missing(journal, audit):
    """A beginning or middle that nothing accounts for may hold doubts: exit code 1, and never a plain nothing."""
    journal.post()
    first = journal.file
    journal.segment()
    journal.post()
    second = journal.file
    journal.segment()
    journal.post()
    assert audit("show", "--in-doubt")[0] == 0
    kept = first.read_bytes()
    first.unlink()
    code, lines, error = audit("show", "--in-doubt")
    assert code == 1
    assert "seq 1 to 3 are missing, and nothing accounts for them" in error
    assert lines[-1] == "nothing is in doubt in what is left"
    assert audit("show")[0] == 0
    # What was before the time that is asked for is no doubt of that time.
    assert audit("show", "--in-doubt", "--since", "2027-01-01")[0] == 0
    first.write_bytes(kept)
    second.unlink()
    code, _, error = audit("show", "--in-doubt")
    assert (code, "seq 4 to 6 are missing" in error) == (1, True)


def test_in_doubt_is_not_disturbed_by_retention(journal, audit):
    """A beginning that retention recorded is no gap."""
    journal.post()
    head, seq, first = journal.head, journal.seq, journal.file
    journal.segment()
    journal.add("retention", segments=[{"segment": 1, "first_seq": 1, "last_seq": seq, "head": head}])
    first.unlink()
    assert audit("show", "--in-doubt")[0] == 0


def test_verify_never_explains_by_silence(journal, audit):
    """A journal that begins later without a record of retention: a finding, and what is unknown because of it."""
    journal.post()
    first = journal.file
    journal.segment()
    journal.post()
    first.unlink()
    code, lines, _ = audit("verify")
    text = "\n".join(lines)
    assert code == 1
    assert "segments up to 1 are removed (seq up to 3), and retention did not record it so" in text
    assert "doubts     unknown for seq 1 to 3" in text
    assert f"finding: {journal.file.name}: segments up to 1 are missing, and no record" in text


@pytest.mark.parametrize(
    "words",
    [
        ["show", "--since", "yesterday"],
        ["show", "--outcome", "lost"],
        ["show", "--id", "17"],
        ["show", "--last", "0"],
        ["verify", "--head", "abc"],
        ["export", "--csv", "--excel"],
        ["find"],
        ["match"],
        ["dossier"],
        [],
    ],
)
def test_wrong_use_is_said(words, capfd):
    """A wish that cannot be understood ends with 2 before anything is read."""
    assert "usage: fla-gateway audit" in refused(capfd, *words)


def test_journal_is_found_through_the_configuration(journal, tmp_path, capfd):
    """Without --journal the configuration tells where it is, relative to its own directory."""
    file = tmp_path / "gateway.toml"
    file.write_text(f'[audit]\npath = "journal"\n{EMPLOYER}')
    journal.post()
    assert execute(["audit", "show", "--config", str(file)]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 2
    file.write_text(EMPLOYER)
    assert execute(["audit", "show", "--config", str(file)]) == 2
    assert "gateway.toml has no [audit] table" in capfd.readouterr().err


@pytest.mark.parametrize("words", [["show"], ["verify"], ["export", "--csv"]])
def test_missing_journal_is_wrong_use(words, tmp_path, capfd):
    """A directory that is not there is said, with exit code 2."""
    assert execute(["audit", *words, "--journal", str(tmp_path / "nothing")]) == 2
    assert "there is no journal at" in capfd.readouterr().err


# verify


def test_verify_says_what_it_found_and_what_it_proves(journal, audit):
    """A whole journal is well, with its facts, and one sentence on either side of what that proves."""
    journal.post()
    journal.segment()
    code, lines, error = audit("verify")
    assert (code, error) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in lines[:6])
    assert facts["segments"].startswith("2 (00000001-")
    assert facts["records"] == "4 (seq 1 to 4)"
    assert facts["beginning"] == "there: the journal starts with its first record"
    assert facts["head"] == journal.head
    assert lines[6:] == ["all well", PROVES, PROVES_NOT]


def test_verify_names_each_finding_with_its_place(journal, audit):
    """What is broken is said with file and line, with exit code 1 and no claim about proof."""
    journal.post()
    journal.get()
    changed = journal.file.read_bytes().replace(b"dimona", b"dimonA", 1)
    journal.file.write_bytes(changed)
    (journal.directory / "1.jsonl").touch()
    code, lines, _ = audit("verify")
    assert code == 1
    assert lines[-4] == "finding: 1.jsonl: is named like a segment and is none"
    assert lines[-3].startswith(f"finding: {journal.file.name}:3: prev is not the hash of the line before: ")
    assert lines[-2] == "2 findings"
    assert "docs/operations.md says what comes next" in lines[-1]


def test_verify_finds_a_head(journal, audit):
    """A head that was kept says which record it is, and that everything before is unchanged."""
    journal.post()
    kept = journal.head
    journal.get()
    code, lines, _ = audit("verify", "--head", kept.upper(), "--head", journal.head)
    assert code == 0
    assert f"--head {kept}:" in lines
    assert sum("everything up to it is unchanged since this head was noted" in line for line in lines) == 2
    assert any(line.startswith("  record 3 of ") and f"({journal.file.name}:3)" in line for line in lines)


def test_verify_does_not_know_a_head(journal, audit):
    """A head that no record has is a finding."""
    journal.post()
    code, lines, _ = audit("verify", "--head", "a" * 64)
    assert (code, lines[-2]) == (1, "1 finding")
    assert "no record has the hash aaaa" in lines[-3]


def test_verify_tells_of_repairs_losses_and_retention(journal, audit):
    """What is missing for a known reason is told and is no finding."""
    journal.get()
    head, seq, first = journal.head, journal.seq, journal.file
    journal.segment()
    journal.add("retention", segments=[{"segment": 1, "first_seq": 1, "last_seq": seq, "head": head}])
    journal.add("repair", bytes=17, sha256="a" * 64)
    journal.add("lost", since=HOSTILE, intents=0, outcomes=4)
    journal.raw(b'{"prev')
    first.unlink()
    code, lines, _ = audit("verify", "--head", head)
    text = "\n".join(lines)
    assert code == 0
    assert "segments up to 1 are removed (seq up to 2), as retention recorded" in text
    assert "17 bytes of a torn last line were cut off" in text
    assert "0 intents and 4 outcomes are missing" in text
    assert "6 bytes without a line break" in text
    assert "the last record before the beginning (seq 2), removed" in text
    assert all(line.isprintable() for line in lines)


# export


def test_export_makes_a_private_file(journal, audit, tmp_path):
    """The sheet has a row for each exchange that was chosen, and only its owner can read it."""
    journal.post(reference="one")
    journal.get(reference=HOSTILE)
    journal.post(reference="three", caller="hr")
    file = tmp_path / "sheet.csv"
    assert audit("export", "--csv", str(file), "--caller", "payroll") == (0, [], "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") == 3
    rows = list(csv.DictReader(content.decode().splitlines()))
    assert len(rows) == 2
    assert rows[0]["reference"] == "one"
    assert rows[1]["reference"].startswith("\\x1b[2J=cmd")
    assert all(cell.isprintable() and cell[:1] not in {*"=+-@"} for row in rows for cell in row.values())


def test_export_never_writes_over_a_file(journal, audit, tmp_path, capfd):
    """An existing file, and a link to nowhere, stay as they are."""
    journal.post()
    file = tmp_path / "sheet.csv"
    file.write_text("mine")
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "elsewhere.csv")
    for target in (file, link):
        code, _, error = audit("export", "--csv", str(target))
        assert (code, "exists already" in error) == (2, True)
    assert file.read_text() == "mine"
    assert not (tmp_path / "elsewhere.csv").exists()
    code, _, error = audit("export", "--csv", str(tmp_path / "no" / "sheet.csv"))
    assert (code, "cannot be written" in error) == (2, True)


def test_export_to_standard_output(journal, capfd):
    """Without a file the sheet goes to standard output, line breaks as RFC 4180 has them."""
    journal.post(outcome="unknown")
    journal.get()
    assert execute(["audit", "export", "--journal", str(journal.directory), "--in-doubt", "--csv"]) == 0
    head, row = capfd.readouterr().out.splitlines()
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    assert (cells["outcome"], cells["doubt"]) == ("unknown", "no-answer")


def test_export_owns_up_to_what_is_missing(journal, audit):
    """A sheet from a damaged journal is made, with exit code 1."""
    journal.raw(b"x\n")
    code, lines, error = audit("export", "--csv")
    assert (code, len(lines)) == (1, 1)
    assert "could not be read" in error
