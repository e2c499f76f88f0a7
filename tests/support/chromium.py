"""A real headless Chromium as a process, which all tests of a run share, whatever their workers; `devtools` drives it.

Mark the tests `pytest.mark.needs_program("chromium")`.

Chromium itself keeps pages of the public internet away from loopback (Local Network Access). That wall is taken down:
tests are to show our own defence, not the browser's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.support.waiting import PATIENCE

LESS = (
    "LocalNetworkAccessChecks",  # pages of any origin may send requests to loopback, as in older browsers
    # Processes kept ready, and what is asked of the maker's servers, cost half of a browser's time.
    "SpareRendererForSitePerProcess",
    "MediaRouter",
    "OptimizationHints",
    "Translate",
    # A process for each site, old pages kept alive in theirs: four for each test. What pages may do, and what is said
    # of them, is the same in one.
    "IsolateOrigins",
    "site-per-process",
    "BackForwardCache",
)
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
    "--disable-site-isolation-trials",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    "--remote-debugging-port=0",
    "--renderer-process-limit=1",
    "--ignore-certificate-errors",
    f"--disable-features={','.join(LESS)}",
)


@dataclass(frozen=True)
class ChromiumProcess:
    """A browser that runs.

    Attributes:
        endpoint: ``ws://`` address of its DevTools.
        tabs: of this process of the tests: a tab that they have one after the other, once there is one.
    """

    endpoint: str
    tabs: list[str] = field(default_factory=list)


@contextmanager
def share_chromium(folder: Path, names: Sequence[str]) -> Iterator[ChromiumProcess]:
    """Share a browser with all who name the same folder, in any process: the first starts it, the last ends it.

    Args:
        folder: for its profile, its log, and a file for each of its users.
        names: host names that are this machine.
    """
    users, found = folder / "users", folder / "found.json"
    with _alone(folder):
        users.mkdir(exist_ok=True)
        # A process that crashed has left its file.
        if not any(Path("/proc", it.suffix[1:]).exists() for it in users.iterdir()):
            found.write_text(json.dumps(_start(folder, names)))
        own = users / f"{uuid4()}.{os.getpid()}"
        own.touch()
        process, endpoint = json.loads(found.read_text())
    try:
        yield ChromiumProcess(endpoint)
    finally:
        with _alone(folder):
            own.unlink()
            if not any(users.iterdir()):
                os.killpg(process, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):  # another one's child
                    os.waitpid(process, 0)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the one process that starts or ends a browser."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(folder: Path, names: Sequence[str]) -> tuple[int, str]:
    """Start a browser with a profile of its own; give its process id and its endpoint."""
    log, profile = folder / "chromium.log", folder / "profile"
    port = profile / "DevToolsActivePort"
    port.unlink(missing_ok=True)
    mapped = f"--host-resolver-rules={', '.join(f'MAP {name} 127.0.0.1' for name in names)}"
    words = ["chromium", *FLAGS, f"--user-data-dir={profile}", mapped, "about:blank"]
    # Without an object of `subprocess`, which would miss it when its starter ends before it.
    process = os.posix_spawnp(
        words[0],
        words,
        {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_CREAT, 0o600),
        ],
        setsid=True,
    )
    address, path = _debugging_address(port, log)
    return process, f"ws://127.0.0.1:{address}{path}"


def _debugging_address(file: Path, log: Path) -> tuple[str, str]:
    """Wait for the file in which Chromium writes where its DevTools listen; no event tells of it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if file.exists() and len(lines := file.read_text().split("\n")) > 1 and lines[1]:
            return lines[0], lines[1]
        time.sleep(0.01)
    raise AssertionError(log.read_text(errors="replace"))
