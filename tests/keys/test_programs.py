from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import pytest_runtest_setup
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
TEST = """
import pytest

@pytest.mark.needs_program("no-such-program")
def test_something():
    '''Never runs.'''
"""


def test_missing_program_is_skipped_visibly(tmp_path) -> None:
    """A test that needs a program says so when it is skipped."""
    (tmp_path / "test_something.py").write_text(TEST)
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider"]
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "-p", "tests.conftest", str(tmp_path / "test_something.py")],
        cwd=ROOT,
        env={**os.environ, "CI": "false"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout
    assert "SKIPPED [1]" in outcome.stdout
    assert "the program no-such-program is missing" in outcome.stdout


def test_missing_program_fails_in_ci(request, monkeypatch) -> None:
    """What is skipped on a desk is a failure there."""
    request.node.add_marker(pytest.mark.needs_program("no-such-program"))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is missing, and CI skips nothing"):
        pytest_runtest_setup(request.node)
