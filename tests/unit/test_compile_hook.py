"""The build hook: a wheel that is asked to be compiled is so, or is not built, and what is missing is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[2]
PARTS = [
    "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "fla_gateway/__init__.py",
    "fla_gateway/completion/fla-gateway", "fla_gateway/completion/_fla-gateway",
]  # fmt: skip


@pytest.fixture
def project(tmp_path):
    """What a wheel is built from: the project's own hook and settings, and a package without code."""
    root = tmp_path / "project"
    (root / "fla_gateway" / "completion").mkdir(parents=True)
    for part in PARTS:
        shutil.copy2(ROOT / part, root / part)
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["fla-gateway"]["compiled"]
    for module in (root / f"{name.replace('.', '/')}.py" for name in listed):
        module.parent.mkdir(parents=True, exist_ok=True)
        module.touch()
    return root


def built(root: Path, **environment: str) -> str:
    """Build a wheel that is to be compiled; give what is said, the build having failed."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(root / "dist")]
    variables = {**os.environ, "FLA_GATEWAY_COMPILE": "1", **environment}
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert not list(root.glob("dist/*.whl"))
    return done.stderr


def test_without_mypyc_nothing_is_built(project, tmp_path):
    """The cure names what to install."""
    without = tmp_path / "without"
    without.mkdir()
    (without / "mypyc.py").write_text("raise ModuleNotFoundError(name='mypyc')\n", encoding="utf-8")
    said = built(project, PYTHONPATH=str(without))
    assert "FLA_GATEWAY_COMPILE=1 needs mypyc" in said
    assert "requirements/compile.txt" in said


def test_without_a_compiler_nothing_is_built(project):
    """It is said before mypyc has worked for half a minute; CC is what setuptools would call."""
    said = built(project, CC="no-such-compiler -O2")
    assert "FLA_GATEWAY_COMPILE=1 needs a C compiler: no-such-compiler is not found" in said
    assert "apt-get install gcc" in said


def test_a_listed_module_that_is_missing_is_named(project):
    """A module that was renamed does not silently stay the source."""
    (project / "fla_gateway" / "http1" / "grammar.py").unlink()
    said = "[tool.fla-gateway] compiled names what does not exist: fla_gateway/http1/grammar.py\n"
    assert said in built(project)


@pytest.mark.parametrize("asked", ["", "0", "no"])
def test_what_does_not_ask_gets_the_source_alone(project, asked, monkeypatch):
    """Without the variable, neither mypyc nor a compiler is looked for, and the wheel fits every platform."""
    monkeypatch.setenv("FLA_GATEWAY_COMPILE", asked)
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.chdir(project)
    list(WheelBuilder(str(project)).build(directory=str(project / "dist")))
    assert [it.name.endswith("-py3-none-any.whl") for it in (project / "dist").iterdir()] == [True]
