"""Which configuration a command reads, and that it says so."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest

from fla_gateway.cli.main import execute
from fla_gateway.cli.options.config_option import SYSTEM_FILE, VARIABLE, find_config
from fla_gateway.errors import ConfigurationError
from tests.support.configurations import EMPLOYER
from tests.support.process import run


def found(config=None, **environ):
    """Find the configuration as a command does with these arguments and this environment."""
    return find_config(argparse.Namespace(config=config), environ)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder with a gateway.toml."""
    (tmp_path / "gateway.toml").write_text(EMPLOYER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_option_comes_before_the_variable_and_the_variable_before_the_folder(folder):
    """What is named is taken, whether it exists or not, and the nearest name counts."""
    assert found(Path("named.toml"), FLA_GATEWAY_CONFIG="other.toml") == Path("named.toml")
    assert found(FLA_GATEWAY_CONFIG="other.toml") == Path("other.toml")
    assert found(FLA_GATEWAY_CONFIG="") == Path("gateway.toml")
    assert found() == Path("gateway.toml")


def test_without_any_file_every_place_is_named(tmp_path, monkeypatch):
    """Neither the folder nor the machine has one: the fault says where it was looked for, and how to name one."""
    if SYSTEM_FILE.exists():
        pytest.skip("this machine has a gateway of its own")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        found()
    text = str(caught.value)
    assert all(it in text for it in (f"{tmp_path}/gateway.toml", str(SYSTEM_FILE), "--config FILE", VARIABLE))


@pytest.mark.parametrize("writable", ["gateway.toml", "."])
def test_a_file_that_others_may_replace_is_not_taken_unasked(folder, writable):
    """Neither the file nor its folder may be written by other users; with --config it is the user's decision."""
    (folder / writable).chmod(0o777)
    with pytest.raises(ConfigurationError, match="other users may write to"):
        found()
    assert found(Path("gateway.toml")) == Path("gateway.toml")


def test_a_link_is_judged_by_where_it_leads(folder, tmp_path):
    """A link in a safe folder to a file in one where others may write is not taken either."""
    elsewhere = tmp_path / "shared"
    elsewhere.mkdir()
    (folder / "gateway.toml").rename(elsewhere / "gateway.toml")
    (folder / "gateway.toml").symlink_to(elsewhere / "gateway.toml")
    assert found() == Path("gateway.toml")
    elsewhere.chmod(0o777)
    with pytest.raises(ConfigurationError, match=str(elsewhere)):
        found()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_a_file_of_another_user_is_not_taken_unasked(folder):
    """A gateway.toml of another user is not this user's configuration."""
    os.chown(folder / "gateway.toml", 4321, -1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        found()


def test_a_group_of_several_users_may_not_write(folder):
    """Mode 0664 is taken only where the group is the user's own."""
    (folder / "gateway.toml").chmod(0o664)
    os.chown(folder / "gateway.toml", -1, os.getegid())
    assert found() == Path("gateway.toml")
    if os.geteuid() == 0:
        os.chown(folder / "gateway.toml", -1, 4321)
        with pytest.raises(ConfigurationError, match="other users may write to"):
            found()


@pytest.mark.parametrize(
    "words", [["check"], ["token", "employer"], ["reload"], ["audit", "show"], ["policy", "suggest"]]
)
def test_a_command_says_first_which_file_it_reads(folder, words, capsys):
    """The first line on standard error is the file; standard output stays what was asked for."""
    execute(words)
    printed = capsys.readouterr()
    assert printed.err.splitlines()[0] == f"configuration: {folder}/gateway.toml"
    assert "configuration:" not in printed.out


def test_a_journal_that_is_named_needs_no_configuration(tmp_path, monkeypatch, capsys):
    """With --journal no file is looked for."""
    monkeypatch.chdir(tmp_path)
    execute(["audit", "show", "--journal", str(tmp_path)])
    assert "configuration" not in capsys.readouterr().err


async def test_run_names_its_files_in_its_first_event(tmp_path):
    """The first event of `run` has the files; where it cannot start, a line on standard error has the file."""
    path = tmp_path / "gateway.toml"
    path.write_text(EMPLOYER + '[gateway]\nlisten = ["127.0.0.1:0"]\n[admin]\nlisten = "127.0.0.1:0"\n')
    async with run(path) as process:
        await process.event("ready")
        first = process.lines["stderr"][0]
    assert json.loads(first)["event"] == "configuration"
    assert json.loads(first)["files"] == [str(path)]
    path.write_text("")
    async with run(path) as process:
        assert await process.ended() == 2
        assert process.lines["stderr"][0] == f"configuration: {path}\n"
