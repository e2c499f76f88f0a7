"""What all tests share: signals that arrive, and programs of the system that a machine may lack.

A test whose program is missing is skipped visibly, but never in CI.
"""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from hypothesis import settings

# A machine that is busy with something else says nothing about what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure() -> None:
    """Take the signals of the keyboard, which a shell without job control lets its background ignore.

    What is ignored is ignored by every program that a test starts, too.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `needs_program(name)` where the program is missing; with CI=true, fail instead."""
    for marker in item.iter_markers("needs_program"):
        for program in marker.args:
            if shutil.which(program) is not None:
                continue
            if os.environ.get("CI") == "true":
                pytest.fail(f"the program {program} is missing, and CI skips nothing: see .ci/run", pytrace=False)
            pytest.skip(f"the program {program} is missing")
