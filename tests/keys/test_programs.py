from __future__ import annotations

import pytest

from tests.conftest import pytest_runtest_setup


def test_missing_program_is_skipped_visibly(request, monkeypatch) -> None:
    """A test that needs a program says so when it is skipped, and the run ends with the reasons."""
    request.node.add_marker(pytest.mark.needs_program("no-such-program"))
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="the program no-such-program is missing"):
        pytest_runtest_setup(request.node)
    assert "-ra" in request.config.getini("addopts")


def test_missing_program_fails_in_ci(request, monkeypatch) -> None:
    """What is skipped on a desk is a failure there."""
    request.node.add_marker(pytest.mark.needs_program("no-such-program"))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is missing, and CI skips nothing"):
        pytest_runtest_setup(request.node)
