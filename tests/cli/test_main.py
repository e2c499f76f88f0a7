"""The command line's root: exit codes, help, start-up."""

from __future__ import annotations

import json
import os
import platform
import re
import ssl
import subprocess
import sys

import pytest

from fla_gateway import __version__
from fla_gateway.build_info import compiled_word
from fla_gateway.cli.main import COMMANDS, _confess, execute
from fla_gateway.cli.version import commit
from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from tests.cli.documents import command_parsers

PROGRAM = (sys.executable, "-m", "fla_gateway")
_VERSION = f"fla-gateway {__version__}\ncompiled: {compiled_word()}\n"
HEAVY = ("aiohttp", "authlib", "cryptography", "joserfc", "structlog", "prometheus_client", "uvloop")


LIGHT = [["--help"], ["--version"], ["catalog"], *([*name.split(), "--help"] for name in COMMANDS)]
# One start for all: each command runs in a fork of an interpreter that has imported the command line's root alone.
LOOK = """
import json, os, sys
from fla_gateway.cli.main import execute
commands, heavy = json.loads(sys.argv[1])
for words in commands:
    if not os.fork():
        try:
            execute(words)
        except SystemExit:
            pass
        print(json.dumps([words, [name for name in heavy if name in sys.modules]]), file=sys.stderr, flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def imported():
    """Give what of the heavy modules each command has imported at its end."""
    words = [sys.executable, "-c", LOOK, json.dumps([LIGHT, HEAVY])]
    ended = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return {" ".join(words): found for words, found in map(json.loads, ended.stderr.splitlines())}


@pytest.mark.parametrize("words", LIGHT, ids=" ".join)
def test_help_imports_nothing_heavy(words, imported):
    """Help comes at once, and a command pays only for what it uses: what `run` imports is up to `run` alone."""
    assert imported[" ".join(words)] == []


def test_version(capsys):
    """--version names the version on the first line, then whether it is compiled, commit, Python and OpenSSL."""
    with pytest.raises(SystemExit) as end:
        execute(["--version"])
    assert end.value.code == 0
    first, *further = capsys.readouterr().out.splitlines()
    assert first == f"fla-gateway {__version__}"
    assert further[0] == f"compiled: {compiled_word()}"
    facts = dict(line.split(": ", 1) for line in further)
    assert re.fullmatch(r"[0-9a-f]{12}|unknown", facts["commit"])
    assert facts["python"] == f"{platform.python_implementation()} {platform.python_version()}"
    assert facts["openssl"] == ssl.OPENSSL_VERSION


def test_the_commit_is_that_of_the_build_or_the_checkout(tmp_path):
    """A file of the package comes first; then HEAD, its branch, a packed one, that of a further work tree."""
    package, hashes = tmp_path / "fla_gateway", [f"{number}" * 40 for number in range(5)]
    package.mkdir()
    assert commit(package) == "unknown"
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(hashes[0] + "\n")
    assert commit(package) == hashes[0][:12]
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text(f"# pack-refs\n{hashes[1]} refs/heads/main\n")
    assert commit(package) == hashes[1][:12]
    (git / "refs" / "heads" / "main").write_text(hashes[2] + "\n")
    assert commit(package) == hashes[2][:12]
    tree = tmp_path / "tree"
    (tree / "fla_gateway").mkdir(parents=True)
    own = git / "worktrees" / "tree"
    own.mkdir(parents=True)
    (tree / ".git").write_text(f"gitdir: {own}\n")
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "commondir").write_text("../..\n")
    assert commit(tree / "fla_gateway") == hashes[2][:12]
    (package / "commit.txt").write_text(hashes[3])
    assert commit(package) == hashes[3][:12]


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["run", "--nonsense"], ["token"], ["caller"], ["caller", "nonsense"]]
)
def test_wrong_use_is_exit_code_2(words, capsys):
    """Wrong use ends with 2 and a hint on standard error; standard output stays empty."""
    with pytest.raises(SystemExit) as end:
        execute(words)
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "usage: fla-gateway" in printed.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["chek"], "did you mean `fla-gateway check`?"),
        (["Run"], "did you mean `fla-gateway run`?"),
        (["--debug", "audit", "verfy"], "did you mean `fla-gateway audit verify`?"),
        (["caller", "qqqq"], "there are: new"),
    ],
)
def test_a_command_that_does_not_exist_is_told_from_its_nearest(words, hint, capsys):
    """A slip of the finger gets the command that was meant, of a group as well."""
    with pytest.raises(SystemExit) as end:
        execute(words)
    assert end.value.code == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["check", "--strick"], "check: error: unrecognized arguments: --strick; did you mean `--strict`?"),
        (["check", "--Strict"], "did you mean `--strict`?"),
        (["--lnag", "nl", "check"], "fla-gateway: error: unrecognized arguments: --lnag; did you mean `--lang`?"),
        (
            ["audit", "show", "--settld"],
            "fla-gateway audit show: error: unrecognized arguments: --settld; did you mean",
        ),
        (["check", "own.toml"], "unrecognized arguments: own.toml; did you mean `--config own.toml`?"),
        (["catalog", "one", "two"], "fla-gateway catalog: error: unrecognized arguments: one two"),
    ],
)
def test_an_option_that_does_not_exist_is_told_from_its_nearest(words, hint, capsys):
    """The command that does not take it is named, with its usage."""
    with pytest.raises(SystemExit) as end:
        execute(words)
    assert end.value.code == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize("value", ["x", "0", "1.5", "86401", "-1", "\u0663"])
def test_the_life_of_a_token_is_a_number_of_seconds(value, capsys):
    """Python's own words for another value are not for people, nor translated."""
    with pytest.raises(SystemExit) as end:
        execute(["sandbox", f"--token-life={value}"])
    assert end.value.code == 2
    assert "must be a whole number of seconds, 1 to 86400" in capsys.readouterr().err


def test_the_value_of_an_unknown_option_is_not_shown(capsys):
    """It may be a password."""
    for words in (["run", "--password", "canary"], ["run", "--password=canary"]):
        with pytest.raises(SystemExit):
            execute(words)
    printed = capsys.readouterr().err
    assert "--password" in printed
    assert "canary" not in printed


@pytest.mark.parametrize("words", [["help"], ["help", "check"], ["help", "audit", "show"]])
def test_help_is_a_word_as_well(words, capsys):
    """`help COMMAND` is `COMMAND --help`."""
    with pytest.raises(SystemExit) as end:
        execute(words)
    asked = capsys.readouterr().out
    with pytest.raises(SystemExit):
        execute([*words[1:], "--help"])
    assert (end.value.code, asked) == (0, capsys.readouterr().out)


def test_help_breaks_no_path(capsys, monkeypatch):
    """At a hyphen it would be of no use to one who copies it."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        execute(["check", "--help"])
    text = capsys.readouterr().out
    assert "/etc/fla-gateway/gateway.toml" in text
    assert not re.search(r"\w-\n", text)


def test_overview_lists_every_command(capsys):
    """--help shows each command or its group with a summary, and the exit codes."""
    with pytest.raises(SystemExit):
        execute(["--help"])
    text = capsys.readouterr().out
    listed = {line.split()[0] for line in text.splitlines() if line.startswith("    ") and line[4] != " "}
    assert {name.split()[0] for name in command_parsers()} <= listed
    assert "70 internal" in text


def test_group_lists_its_commands(capsys):
    """`fla-gateway caller --help` shows the commands whose first word it is."""
    with pytest.raises(SystemExit) as end:
        execute(["caller", "--help"])
    assert end.value.code == 0
    assert "\n    new " in capsys.readouterr().out


@pytest.mark.parametrize("name", command_parsers())
def test_every_command_teaches_by_example(name):
    """The help of each command ends with examples that call this very command."""
    description = command_parsers()[name].description or ""
    assert f"fla-gateway {name}" in description.partition("example")[2]


def test_faults_are_one_per_line_and_exit_code_2(tmp_path, capsys):
    """A faulty configuration prints every fault on standard error, each on its line, without a traceback."""
    file = tmp_path / "gateway.toml"
    file.write_text('[gateway]\ndrain_second = 3\n[profiles.a]\nenvironment = "prod"\nclient_id = "x"\nkey = "none"\n')
    assert execute(["check", "--config", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    named, *faults = printed.err.splitlines()
    assert named == f"configuration: {file}"
    assert len(faults) >= 2
    assert all(re.match(r"gateway\.toml:\d+: ", line) for line in faults)


def test_missing_configuration_is_a_fault(tmp_path, capsys):
    """A configuration that does not exist is named, with exit code 2."""
    assert execute(["check", "--config", str(tmp_path / "nothing.toml")]) == 2
    assert "nothing.toml" in capsys.readouterr().err


def raised(error):
    """Give an error that was really raised, with a cause."""
    password = "canary"
    try:
        try:
            int(password)
        except ValueError as cause:
            raise error from cause
    except type(error) as caught:
        return caught


def test_internal_error_is_one_line_and_exit_code_70(capsys):
    """An unexpected error says that the program is at fault, in one line, and quotes nothing."""
    assert _confess(raised(RuntimeError("canary")), debug=False) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert "internal error (RuntimeError)" in line
    assert "report" in line
    assert "canary" not in line


def test_debug_shows_where_without_what(capsys):
    """With --debug the places follow, of the cause as well, and still no message of a foreign error."""
    assert _confess(raised(RuntimeError("canary")), debug=True) == 70
    text = capsys.readouterr().err
    assert "test_main.py" in text
    assert "ValueError" in text
    assert "canary" not in text


def test_debug_shows_what_a_group_holds(capsys):
    """With --debug each member of a group of errors is shown, since what a task raised is inside."""
    members = [raised(RuntimeError("canary")), raised(KeyError("canary"))]
    _confess(raised(ExceptionGroup("tasks", members)), debug=True)
    text = capsys.readouterr().err
    assert all(f"\n{name}\n" in text for name in ("ExceptionGroup", "RuntimeError", "KeyError"))
    assert "canary" not in text


def test_debug_quotes_the_programs_own_errors(capsys):
    """Errors of the program's own family hold no secret and are quoted."""
    _confess(raised(UnusableKeyError(Message("short", "the key is too short"), Text("make another"))), debug=True)
    assert "the key is too short (make another)" in capsys.readouterr().err


def test_reader_that_goes_away_is_no_error():
    """`fla-gateway catalog | true` ends well and without a complaint."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        ended = subprocess.run([*PROGRAM, "catalog"], stdout=output, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_console_script_and_module_are_the_same():
    """`python -m fla_gateway` is the command."""
    ended = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.startswith(_VERSION)) == (0, True)
