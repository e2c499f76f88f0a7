"""Every command, whatever its standard streams are: closed, full, broken, or in an encoding that lacks characters."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fla_gateway.cli.main import COMMANDS
from tests.support.waiting import PATIENCE

PROGRAM = [sys.executable, "-m", "fla_gateway"]
LOCALES = [
    {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "iso-8859-1", "PYTHONUTF8": "0"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "POSIX", "LANG": "POSIX"},
]
SHORT = [["--help"], ["--version"], ["catalog"], ["caller", "new", "payroll"], ["check", "--config", "/nowhere"]]
CONFIGURATION = """
[profiles.employer]
environment = "simulation"
client_id = "client-7"
key = { pem = "cl\u00e9 \u0141\u00f3d\u017a.pem" }
"""


def run(words, environment=None, **options):
    """Run a command and give what came of it."""
    given = {"capture_output": True, **options}
    return subprocess.run(
        [*PROGRAM, *words], env={**os.environ, **(environment or {})}, timeout=PATIENCE, check=False, **given
    )


def through_shell(words, redirection):
    """Run a command with streams as a shell redirects them."""
    line = f'exec "$@" {redirection}'
    return subprocess.run(
        ["/bin/sh", "-c", line, "sh", *PROGRAM, *words], capture_output=True, timeout=PATIENCE, check=False
    )


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
    ("words", "redirection"),
    [
        *((SHORT[2], it) for it in ("<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-")),
        *((it, "<&- >&- 2>&-") for it in SHORT if it != SHORT[2]),
        (SHORT[4], "2>&-"),
    ],
)
def test_a_closed_stream_changes_no_exit_code(words, redirection):
    """What would go there is lost, as the command line asked."""
    assert through_shell(words, redirection).returncode == (2 if "check" in words else 0)


@pytest.mark.parametrize(
    ("words", "redirection"), [(SHORT[2], "1</dev/null"), *((it, ">/dev/full") for it in SHORT[:4])]
)
def test_output_that_cannot_be_written_is_said(words, redirection):
    """Exit code 2 and a sentence; neither a traceback nor the interpreter's own complaint (120)."""
    ended = through_shell(words, redirection)
    reason = "No space left on device" if "full" in redirection else "Bad file descriptor"
    assert (ended.returncode, ended.stderr.decode()) == (
        2,
        f"fla-gateway: standard output cannot be written: {reason}\n",
    )


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2</dev/null", ">/dev/full 2>&1"])
def test_an_error_that_cannot_be_printed_keeps_its_exit_code(redirection):
    """A faulty configuration is exit code 2, whether or not it can be said."""
    assert through_shell(["check", "--config", "/nowhere"], redirection).returncode == 2


@pytest.mark.parametrize("words", SHORT[:4], ids=" ".join)
def test_a_reader_that_is_gone_is_no_error(words):
    """`fla-gateway catalog | true` ends well and without a complaint."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        ended = run(words, capture_output=False, stdout=output, stderr=subprocess.PIPE)
    assert (ended.returncode, ended.stderr) == (0, b"")
