"""What all tests share: signals that arrive, a folder for every user, and programs that a machine may lack.

A test whose program is missing is skipped visibly, but never in CI.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from hypothesis import settings

from fla_gateway.build_info import is_compiled

# A machine that is busy with something else says nothing about what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


COMPILED = os.environ.get("FLA_GATEWAY_TESTS") == "compiled"
"""Set by `make test-compiled`, which runs the tests on the compiled wheel."""

# A root that has signed nothing, in the place of the system's hundreds: to read those takes each gateway 50 ms of CPU.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "support" / "system_roots.crt")


def pytest_configure() -> None:
    """Take the signals of the keyboard, which a shell without job control lets its background ignore.

    What is ignored is ignored by every program that a test starts, too.
    """
    if COMPILED and not is_compiled():
        pytest.exit("the package that is imported here is not the compiled one", returncode=2)
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Forget where events go, which a command that ran in the test's process has set for all of it.

    No fixture for every test: ten thousand of them took two seconds.
    """
    result = yield
    if structlog.is_configured():
        structlog.reset_defaults()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report: pytest.CollectReport | pytest.TestReport) -> Generator[None, Any, Any]:
    """Send less of what passed to the process that counts it: the keywords of a test are most of its three reports."""
    written = yield
    if report.passed:
        written["keywords"] = {}
    return written


def pytest_plugin_registered(plugin: Any) -> None:
    """Keep a worker from sending that a setup or a teardown passed: only what adds up durations reads it.

    The process that counts spends as much on each report as on that of the test itself; ten thousand tests have three.
    """
    if type(plugin).__name__ != "WorkerInteractor":
        return
    option, send = plugin.config.option, plugin.sendevent
    if option.durations is not None or getattr(option, "xmlpath", None):
        return

    def send_what_says_something(name: str, **content: Any) -> None:
        report = content.get("data", {})
        silent = report.get("outcome") == "passed" and report.get("when") != "call" and not report.get("sections")
        if name != "testreport" or not silent:
            send(name, **content)

    plugin.sendevent = send_what_says_something


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is made for ten thousand tests out of the garbage collector, and look for none in it."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `needs_program(name)` where the program is missing; with CI=true, fail instead."""
    for marker in item.iter_markers("needs_program"):
        for program in marker.args:
            if shutil.which(program) is not None:
                continue
            if os.environ.get("CI") == "true":
                pytest.fail(f"the program {program} is missing, and CI skips nothing: see .ci/run", pytrace=False)
            pytest.skip(f"the program {program} is missing")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that every user can reach, outside of pytest's: each start of pytest closes those to others."""
    with TemporaryDirectory(prefix="fla-gateway-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
