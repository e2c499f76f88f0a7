"""What editors and shells read: the schema and the completions in the package are those of this program."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from fla_gateway.cli.main import COMMANDS, execute
from fla_gateway.cli.schema import SCHEMA
from tests.support import completion, schema

ROOT = Path(__file__).parents[2]


def test_the_schema_is_that_of_the_models(capsys):
    """The command prints the file of the package, which has every key, type and sentence of the source."""
    assert SCHEMA.read_text(encoding="utf-8") == schema.made(), "run: .venv/bin/python -m tests.support.schema"
    assert execute(["schema"]) == 0
    assert capsys.readouterr().out == SCHEMA.read_text(encoding="utf-8")


@pytest.mark.parametrize("shell", completion.FILES)
def test_the_completions_are_those_of_the_commands(shell):
    """Both files have every command and option that there is."""
    written = completion.FILES[shell].read_text(encoding="utf-8")
    assert written == completion.made(shell), "run: .venv/bin/python -m tests.support.completion"


@pytest.mark.needs_program("bash")
def test_bash_completes_commands_and_options():
    """In a real bash: the first word, the second one of a group, an option."""
    for typed, expected in (("che", "check"), ("audit ver", "verify"), ("run --st", "--strict")):
        words = ["fla-gateway", *typed.split()]
        quoted = " ".join(f"'{word}'" for word in words)
        script = (
            f"source '{completion.FILES['bash']}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
            "_shtab_fla_gateway 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        bash = shutil.which("bash") or "bash"
        done = subprocess.run([bash, "-c", script], capture_output=True, text=True, check=True)
        assert expected in done.stdout.split()
    assert len(COMMANDS) > 10


@pytest.mark.source
def test_the_wheel_has_what_shells_look_for():
    """The completions go where bash and zsh look below a prefix."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {
        "fla_gateway/completion/fla-gateway": "share/bash-completion/completions/fla-gateway",
        "fla_gateway/completion/_fla-gateway": "share/zsh/site-functions/_fla-gateway",
    }
    assert all((ROOT / name).is_file() for name in shared)
