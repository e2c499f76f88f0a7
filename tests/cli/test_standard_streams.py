"""Every command, whatever its standard streams are: closed, full, broken, or in an encoding that lacks characters."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from fla_gateway.cli.main import COMMANDS
from tests.support.waiting import PATIENCE

LOCALES = [
    {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "iso-8859-1", "PYTHONUTF8": "0"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "POSIX", "LANG": "POSIX"},
]
CATALOG, CHECK = ["catalog"], ["check", "--config", "/nowhere"]
SHORT = [["--help"], ["--version"], CATALOG, ["caller", "new", "payroll"]]
CONFIGURATION = """
[profiles.employer]
environment = "simulation"
client_id = "client-7"
key = { pem = "cl\u00e9 \u0141\u00f3d\u017a.pem" }
"""


# Runs commands one after the other, each in a fork: the streams of the start are theirs, as is the interpreter's end.
EACH = """
import json, os, sys
from pathlib import Path
from fla_gateway.cli import main
codes = []
for words in json.loads(sys.argv[1]):
    if not os.fork():
        sys.argv[1:] = words
        main.main()
    codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
Path(sys.argv[2]).write_text(json.dumps(codes))
"""


@pytest.fixture
def each(tmp_path):
    """Run commands with streams as a shell redirects them; give their exit codes and what was said."""

    def run_each(commands, redirection="", **options):
        codes = tmp_path / "codes"
        words = [sys.executable, "-c", EACH, json.dumps(commands), str(codes)]
        given = {"capture_output": True, **options}
        line = f'exec "$@" {redirection}'
        ended = subprocess.run(["/bin/sh", "-c", line, "sh", *words], timeout=PATIENCE, check=True, **given)
        return json.loads(codes.read_text()), ended.stderr.decode()

    return run_each


def test_a_letter_of_another_encoding_can_be_read():
    """What reads it judges it; a terminal that sends Latin-1 ends no conversation."""
    code = (
        "import sys; from fla_gateway.cli.output import standard_streams\n"
        "standard_streams.prepare(); print(ascii(sys.stdin.readline()))"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        input=b"Soci\xe9t\xe9\n",
        capture_output=True,
        env=environment,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.stdout == b"'Soci\\udce9t\\udce9\\n'\n"


@pytest.mark.parametrize("environment", LOCALES, ids=lambda it: " ".join(f"{k}={v}" for k, v in it.items()))
def test_every_help_is_printed_in_every_encoding(environment):
    """A character that the encoding lacks is written as an escape, and is no error."""
    code = (
        "import sys; from fla_gateway.cli import main; from fla_gateway.cli.output import standard_streams\n"
        "standard_streams.prepare()\n"
        "print('\\u20ac \\udcff'); print('\\u20ac \\udcff', file=sys.stderr)\n"
        "for name in main.COMMANDS:\n"
        "    try: main.execute([*name.split(), '--help'])\n"
        "    except SystemExit as end: assert end.code == 0, name\n"
        "sys.exit(standard_streams.close_output(0, 'x'))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False), ended.stderr
    assert b"\\udcff" in ended.stdout
    assert ended.stdout.count(b"usage: fla-gateway") == len(COMMANDS)


@pytest.mark.parametrize("environment", LOCALES[:3], ids=["ascii", "latin-1", "C"])
def test_names_that_the_encoding_lacks_are_printed(environment, tmp_path):
    """Paths and texts of the configuration hold any character; a fault of the file stays a fault."""
    folder = tmp_path / "dossier \u20ac \u0141\u00f3d\u017a"
    folder.mkdir()
    (folder / "gateway.toml").write_text(CONFIGURATION, encoding="utf-8")
    code = (
        "import sys; from fla_gateway.cli.main import execute; from fla_gateway.cli.output import standard_streams\n"
        "standard_streams.prepare()\n"
        "assert execute(['check', '--config', sys.argv[1] + '/gateway.toml']) in (1, 2)\n"
        "assert execute(['check', '--config', sys.argv[1] + '/missing.toml']) == 2\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, os.fsencode(folder)],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=PATIENCE,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    assert b"Traceback" not in said
    assert b"fault of the program" not in said
    assert b"missing.toml" in ended.stderr


@pytest.mark.parametrize(
    ("redirection", "commands"),
    [("<&-", [CATALOG]), ("2>&-", [CATALOG, CHECK]), (">&-", [CHECK])],
)
def test_a_closed_stream_that_is_not_needed_changes_no_exit_code(each, redirection, commands):
    """What would go to standard error is lost, as the command line asked."""
    codes, _ = each(commands, redirection)
    assert codes == [2 if it == CHECK else 0 for it in commands]


@pytest.mark.parametrize(
    ("redirection", "commands", "reason"),
    [("1</dev/null", [CATALOG], "Bad file descriptor"), (">&-", [*SHORT, ["schema"]], "Bad file descriptor"),
     ("<&- >&-", [CATALOG], "Bad file descriptor"), (">/dev/full", SHORT, "No space left on device")],
)  # fmt: skip
def test_output_that_cannot_be_written_is_said(each, redirection, commands, reason):
    """Exit code 2 and a sentence; neither a traceback nor the interpreter's own complaint (120)."""
    codes, said = each(commands, redirection)
    assert codes == [2] * len(commands)
    assert said == f"fla-gateway: standard output cannot be written: {reason}\n" * len(commands)


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2</dev/null", ">/dev/full 2>&1"])
def test_an_error_that_cannot_be_printed_keeps_its_exit_code(each, redirection):
    """A faulty configuration is exit code 2, whether or not it can be said."""
    assert each([CHECK], redirection)[0] == [2]


def test_a_reader_that_is_gone_is_no_error(each):
    """`fla-gateway catalog | true` ends well and without a complaint."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        assert each(SHORT, capture_output=False, stdout=output, stderr=subprocess.PIPE) == ([0] * len(SHORT), "")
