"""A real headless Chromium as a process, which many tests may share; `devtools` drives it.

Mark the tests `pytest.mark.needs_program("chromium")`.

Chromium itself keeps pages of the public internet away from loopback (Local Network Access). A test that is to show our
own defence, not the browser's, adds `OPEN_LOOPBACK` to the arguments.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import PATIENCE

# Nothing that Chromium does by itself (updates, lists of bad sites, accounts) is of use to a test.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    "--remote-debugging-port=0",
)
OPEN_LOOPBACK = "--disable-features=LocalNetworkAccessChecks"
"""Lets pages of any origin send requests to loopback, as older browsers and other kinds do."""


@dataclass(frozen=True)
class ChromiumProcess:
    """A browser that runs.

    Attributes:
        endpoint: ``ws://`` address of its DevTools.
    """

    endpoint: str


@contextmanager
def run_chromium(folder: Path, *arguments: str) -> Iterator[ChromiumProcess]:
    """Run a browser with a profile of its own.

    Args:
        folder: for the profile and the log.
        arguments: further arguments, such as ``--host-resolver-rules=MAP evil.example 127.0.0.1``.
    """
    log, profile = folder / "chromium.log", folder / "profile"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={profile}", *arguments, "about:blank"],  # noqa: S607 - the system's
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
        )
        try:
            port, path = _debugging_address(process, profile / "DevToolsActivePort", log)
            yield ChromiumProcess(f"ws://127.0.0.1:{port}{path}")
        finally:
            process.kill()
            process.wait()


def _debugging_address(process: subprocess.Popen[bytes], file: Path, log: Path) -> tuple[str, str]:
    """Wait for the file in which Chromium writes where its DevTools listen; no event tells of it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if file.exists() and len(lines := file.read_text().split("\n")) > 1 and lines[1]:
            return lines[0], lines[1]
        time.sleep(0.01)
    raise AssertionError(log.read_text(errors="replace"))
