"""`fla-gateway caller new` and `admin new`."""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import date

import pytest

from fla_gateway.cli.main import execute
from fla_gateway.config.document.schema_check import check
from fla_gateway.config.schema import Admin, CallerTable


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working directory without a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLA_GATEWAY_CONFIG", raising=False)
    return tmp_path


def printed_by(capsys, *words):
    """Run the command, which must end well, and give the lines of its standard output."""
    assert execute(["caller", "new", *words]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out.splitlines()


def test_quiet_prints_key_and_digest(capsys):
    """--quiet prints the key on the first line and the SHA-256 of its text on the second, and nothing else."""
    key, digest = printed_by(capsys, "payroll", "--quiet")
    assert re.fullmatch(r"flagw_[0-9a-f]{64}", key)
    assert digest == hashlib.sha256(key.encode()).hexdigest()


def test_the_key_is_shown_once(capsys):
    """The key stands on the first line, once; the table has its digest alone, and a sentence says what that means."""
    lines = printed_by(capsys, "payroll")
    assert re.fullmatch(r"flagw_[0-9a-f]{64}", lines[0])
    assert "\n".join(lines).count(lines[0]) == 1
    assert "shown now and never again" in "\n".join(lines)


@pytest.mark.parametrize(("words", "expires"), [([], None), (["--expires", "2999-06-30"], date(2999, 6, 30))])
def test_the_table_is_a_caller(words, expires, capsys):
    """What is printed from the table's head to the last entry of `allow` is TOML that the configuration accepts."""
    lines = printed_by(capsys, "payroll", *words)
    table = lines[lines.index("[callers.payroll]") : lines.index("[callers.payroll.allow]") + 3]
    document = tomllib.loads("\n".join(table))["callers"]["payroll"]
    entry = {"sha256": hashlib.sha256(lines[0].encode()).hexdigest()} | ({"expires": expires} if expires else {})
    assert document["keys"] == [entry]
    assert check(CallerTable, document).allow


def test_the_list_is_for_a_profile_that_there_is(folder, capsys):
    """The configuration, which may have placeholders still, is asked for its profiles; stderr says which it was."""
    file = folder / "gateway.toml"
    file.write_text('include = ["more.toml"]\n[profiles.acme]\nclient_id = "?"\n')
    (folder / "more.toml").write_text("[profiles.other]\n")
    assert execute(["caller", "new", "payroll"]) == 0
    out, err = capsys.readouterr()
    assert err == f"configuration: {file}\n"
    assert '\nacme = ["POST /REST/dimona/v2/declarations", ' in out
    assert 'acme = "observe"' in out
    assert "there are other)" in out
    assert "employer" not in out


def test_a_configuration_that_is_named_must_be_there(folder, capsys):
    """Without one, the example's profile is used and said to be that; one that is named and missing is a fault."""
    assert "in the place of 'employer'" in "\n".join(printed_by(capsys, "payroll"))
    assert execute(["caller", "new", "payroll", "--config", str(folder / "none.toml")]) == 2


def test_no_key_comes_twice(capsys):
    """Every call makes another key."""
    assert printed_by(capsys, "payroll")[0] != printed_by(capsys, "payroll")[0]


@pytest.mark.parametrize(
    "words",
    [
        ["Payroll"],
        ["a" * 33],
        ["1a"],
        [""],
        [],
        ["a", "--expires", "tomorrow"],
        ["a", "--expires", "2020-06-30"],
        ["a\n"],
    ],
)
def test_wrong_words_are_exit_code_2(words, capsys):
    """A name that the configuration would refuse, or a date that is none or is over, makes no key and ends with 2."""
    with pytest.raises(SystemExit) as end:
        execute(["caller", "new", *words])
    assert end.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("words", "expires"), [([], None), (["--expires", "2999-06-30"], date(2999, 6, 30))])
def test_the_key_of_the_page_comes_with_its_table(words, expires, capsys):
    """`admin new` prints the key once, on the first line, and a table that the configuration accepts."""
    assert execute(["admin", "new", *words]) == 0
    printed = capsys.readouterr().out
    key, *lines = printed.splitlines()
    assert printed.count(key) == 1
    start = lines.index("[admin.key]")
    table = tomllib.loads("\n".join(lines[start : start + 3]))["admin"]
    assert table["key"]["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert table["key"].get("expires") == expires
    assert check(Admin, table).key is not None


def test_the_key_of_the_page_alone(capsys):
    """`admin new --quiet` prints the key and its SHA-256, a line each."""
    assert execute(["admin", "new", "--quiet"]) == 0
    key, digest = capsys.readouterr().out.splitlines()
    assert digest == hashlib.sha256(key.encode()).hexdigest()
