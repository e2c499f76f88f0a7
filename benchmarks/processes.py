"""Port: starts and ends the programs of a run, and reads from the kernel what they used.

Owns pinning to a core, the end of whole process trees, and the reading of /proc. Refuses to know what the programs do.
Needs Linux.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

_GRACE_SECONDS: Final = 3.0
_SAMPLE_SECONDS: Final = 0.02


def cores() -> tuple[int, int]:
    """Name the core for the proxy and the one for the API and the load; the same one where there is but one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[min(1, len(allowed) - 1)]


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread, and every process that it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running(
    command: Sequence[str], core: int | None, output: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, its output in a file, until the block ends; then end it with all its children.

    Args:
        command: its command line.
        core: the one that it runs on; None for all.
        output: takes what it writes.
        environment: variables beside those of this process.
    """
    with output.open("ab") as file, contextlib.nullcontext() if core is None else pinned(core):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and whatever it started: each has a session, and so a process group, of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_GRACE_SECONDS)


def tree(pid: int) -> list[int]:
    """List a process and all its living descendants."""
    found = [pid]
    for task in _listing(Path(f"/proc/{pid}/task")):
        for child in _text(task / "children").split():
            found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Sum the time that all living threads of a process tree have been on a core, in nanosecond resolution."""
    total = 0
    for member in tree(pid):
        for task in _listing(Path(f"/proc/{member}/task")):
            total += int((_text(task / "schedstat").split() or ["0"])[0])
    return total / 1e9


def scheduled(pid: int) -> tuple[float, float]:
    """Give the seconds that the first thread of a process has been on a core, and has waited for one."""
    used, waited, _ = (*_text(Path(f"/proc/{pid}/task/{pid}/schedstat")).split(), "0", "0", "0")[:3]
    return int(used) / 1e9, int(waited) / 1e9


def children_seconds(pid: int) -> float:
    """Sum the time that the ended children of a process have been on a core (proc(5), cutime and cstime)."""
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int, part: str = "VmRSS") -> float:
    """Sum the resident set sizes of a process tree, shared pages counted in each; 1 MB is 1024 * 1024 bytes.

    Args:
        pid: of the root of the tree.
        part: which size: all of it, or `RssAnon` or `RssFile` (proc(5), /proc/pid/status).
    """
    kilobytes = 0
    for member in tree(pid):
        for line in _text(Path(f"/proc/{member}/status")).splitlines():
            if line.startswith(f"{part}:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


@contextlib.contextmanager
def peak_of(pid: int) -> Iterator[list[float]]:
    """Watch the resident size while the block runs; the list's one element is the largest value seen."""
    peak = [resident_megabytes(pid)]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], resident_megabytes(pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        peak[0] = max(peak[0], resident_megabytes(pid))


def steal_seconds() -> float:
    """Give the time that the host kept from this machine's cores since boot (proc(5), /proc/stat, eighth number)."""
    return int(_text(Path("/proc/stat")).split("\n", 1)[0].split()[8]) / os.sysconf("SC_CLK_TCK")


def wait_until(deadline_seconds: float, step_seconds: float = 0.002) -> Iterator[float]:
    """Yield the seconds since the first step, again and again, until the deadline is over."""
    begin = time.perf_counter()
    while (passed := time.perf_counter() - begin) < deadline_seconds:
        yield passed
        time.sleep(step_seconds)


def _listing(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:  # the process or thread has ended meanwhile
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # as above
        return ""
