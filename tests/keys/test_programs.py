from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
TEST = """
import pytest

@pytest.mark.needs_program("no-such-program")
def test_something():
    '''Never runs.'''
"""


@pytest.mark.parametrize(
    ("ci", "status", "sentence"),
    [("false", 0, "SKIPPED [1]"), ("true", 1, "CI skips nothing")],
    ids=["on a desk", "in CI"],
)
def test_missing_program_is_skipped_visibly_but_fails_in_ci(tmp_path, ci, status, sentence) -> None:
    """A test that needs a program says so when it is skipped, and in CI it fails instead."""
    (tmp_path / "test_something.py").write_text(TEST)
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "no:cacheprovider"]
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "-p", "tests.conftest", str(tmp_path / "test_something.py")],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert outcome.returncode == status, outcome.stdout
    assert sentence in outcome.stdout
    assert "the program no-such-program is missing" in outcome.stdout
