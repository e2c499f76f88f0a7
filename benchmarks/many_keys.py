"""Root: the start of a gateway with hundreds of profiles, each with a key of its own, seen from outside.

``python -m benchmarks.many_keys --profiles 1000 --format pfx``. Owns the measurements of a start: when the gateway
listens, when the first profile is served and when the last, and the longest gap of its event loop meanwhile. Exit
codes: 0 every target reached, 1 one was not, 2 the work could not be set up.

A gap is the time between a request to the gateway, which answers it without leaving the process, and its response.
Beside other work it is mostly the waiting for a processor; the kernel says how much of it that was. Asking takes time
of both processors, so that in every second start nothing is asked.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import key_files, processes, programs, stage
from benchmarks.peers import GATEWAY
from benchmarks.run import STORE, UNFIT
from benchmarks.work import Work

LISTENING_SECONDS: Final = 1.5
USABLE_SECONDS: Final = 3.0
GAP_SECONDS: Final = 0.05

PATIENCE_SECONDS: Final = 120.0
_PAUSE_SECONDS: Final = 0.005
_SETTLE_SECONDS: Final = 1.0
CONFIGURATION: Final = """
[gateway]
listen = ["127.0.0.1:{gateway}"]
[admin]
listen = "127.0.0.1:{admin}"
[log]
format = "json"
[environments.bench]
api_base = "https://localhost:{token}"
token_url = "https://localhost:{token}/token"
ca_file = "{run}/ca.pem"
"""
PROFILE: Final = '[profiles.p{number}]\nenvironment = "bench"\nclient_id = "client-{number}"\nkey = {key}\n'


@dataclass(frozen=True, slots=True)
class Gap:
    """A request that the event loop let wait.

    Attributes:
        seconds: until its response.
        at: when it began, in seconds after the start.
        busy: of the seconds, how long the loop's thread was on a core.
        queued: of the seconds, how long it waited for one.
    """

    seconds: float
    at: float
    busy: float
    queued: float

    def __str__(self) -> str:
        """Show it in milliseconds."""
        found = (self.seconds * 1000, self.busy * 1000, self.queued * 1000)
        return "{:.0f} ms (on a core {:.0f}, waiting for one {:.0f})".format(*found) + f" at {self.at:.2f} s"


@dataclass(slots=True)
class Start:
    """What was seen of one start; times in seconds after it.

    Attributes:
        listening: a connection is accepted.
        cpu: seconds that its first thread had been on a core until then.
        cpu_at_end: the same, when the key of every profile was known.
        workers: seconds that its child processes have been on a core.
        first: readiness says that a profile is served.
        usable: the key of every profile is known.
        gaps: of the event loop, the longest first; none where it was not asked.
        megabytes: resident, some time after all that.
        load: average of the machine's load at the beginning.
    """

    listening: float = 0.0
    cpu: float = 0.0
    cpu_at_end: float = 0.0
    workers: float = 0.0
    first: float = 0.0
    usable: float = 0.0
    gaps: list[Gap] = field(default_factory=list)
    megabytes: float = 0.0
    load: float = 0.0

    def __str__(self) -> str:
        """Show it on one line."""
        times = f"listening {self.listening:.2f} s, first profile {self.first:.2f} s, all {self.usable:.2f} s"
        used = f"on a core {self.cpu:.2f} and {self.cpu_at_end:.2f} s, its children {self.workers:.2f} s"
        gaps = "; ".join(map(str, self.gaps[:3]))
        return f"{times}; {used}; {self.megabytes:.0f} MB; load {self.load:.1f}\n    gaps: {gaps or 'not asked'}"


def main() -> int:
    """Measure, print, judge."""
    arguments = _arguments()
    try:
        with stage.workplace(STORE) as work:
            starts = list(_starts(work, arguments))
    except (stage.StageError, programs.AbsentError) as error:
        print(f"the work could not be set up: {error}", file=sys.stderr)
        return UNFIT
    return 0 if _judge(starts) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_keys", description="A start with many keys.")
    parser.add_argument("--profiles", type=int, default=1000, help="each with a key of its own (default 1000)")
    parser.add_argument("--format", choices=key_files.FORMATS, default="pem", help="of the keys (default pem)")
    parser.add_argument(
        "--starts", type=int, default=3, help="how often, after one that warms the caches up (default 3)"
    )
    arguments = parser.parse_args()
    if arguments.profiles < 1 or arguments.starts < 1:
        parser.error("--profiles and --starts are at least 1")
    return arguments


def _starts(work: Work, arguments: argparse.Namespace) -> Iterator[Start]:
    folder = STORE / "keys"
    key_files.make(folder, arguments.profiles)
    program = programs.gateway(STORE)
    token = [sys.executable, str(Path(__file__).with_name("token_server.py")), str(work.token_port), str(work.run)]
    with processes.running(token, None, work.run / "token.log"):
        for number in range(arguments.starts + 1):
            gateway, admin = work.ports[GATEWAY], work.ports[f"{GATEWAY}-admin"]
            text = CONFIGURATION.format(gateway=gateway, admin=admin, token=work.token_port, run=work.run)
            for profile in range(arguments.profiles):
                text += PROFILE.format(number=profile, key=key_files.source(folder, profile, arguments.format))
            configuration = work.run / "many.toml"
            configuration.write_text(text)
            command = [str(program), "run", "--config", str(configuration)]
            start = _watched(command, gateway, admin, work.run / f"many-{number}.log", asked=number % 2 == 1)
            if number:
                print(start, flush=True)
                yield start


def _watched(command: list[str], gateway: int, admin: int, log: Path, *, asked: bool) -> Start:
    start = Start(load=os.getloadavg()[0])
    # Byte code as users have it, whatever this shell says of it.
    begun, wall = time.perf_counter(), time.time()
    with processes.running(command, None, log, {"PYTHONDONTWRITEBYTECODE": ""}) as process:
        with (
            closing(connected(gateway, process, log)) as connection,
            polled(connection, process.pid, begun, start.gaps) if asked else nullcontext(),
        ):
            start.listening, start.cpu = time.perf_counter() - begun, processes.scheduled(process.pid)[0]
            start.first = _await_ready(admin, begun, log)
            start.usable = await_keys(log) - wall
            start.cpu_at_end = processes.scheduled(process.pid)[0]
            start.workers = processes.children_seconds(process.pid)
            time.sleep(_SETTLE_SECONDS)
        start.gaps.sort(key=lambda gap: -gap.seconds)
        start.megabytes = processes.resident_megabytes(process.pid)
    return start


def connected(port: int, process: subprocess.Popen[bytes], log: Path) -> socket.socket:
    """Connect as soon as the gateway listens."""
    for _ in processes.wait_until(PATIENCE_SECONDS):
        if process.poll() is not None:
            break
        with suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
    raise stage.StageError(f"the gateway does not listen: {log.read_text()[-2000:]}")


@contextmanager
def polled(connection: socket.socket, pid: int, begun: float, gaps: list[Gap]) -> Iterator[None]:
    """Ask for a path that no profile has, one request after the other, until the block ends."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(_PAUSE_SECONDS):
            at, (busy, queued) = time.perf_counter(), processes.scheduled(pid)
            connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.recv(65_536)
            seconds, (busy_then, queued_then) = time.perf_counter() - at, processes.scheduled(pid)
            gaps.append(Gap(seconds, at - begun, busy_then - busy, queued_then - queued))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE_SECONDS)


def _await_ready(admin: int, begun: float, log: Path) -> float:
    for _ in processes.wait_until(PATIENCE_SECONDS, 0.01):
        with suppress(OSError, http.client.HTTPException):
            asked = http.client.HTTPConnection("127.0.0.1", admin, timeout=PATIENCE_SECONDS)
            with closing(asked):
                asked.request("GET", "/readyz")
                if asked.getresponse().status == http.client.OK:
                    return time.perf_counter() - begun
    raise stage.StageError(f"no profile is served: {log.read_text()[-2000:]}")


def await_keys(log: Path) -> float:
    """Wait for the line that says that all keys are loaded; give its time. Without many keys it is the last line."""
    for _ in processes.wait_until(PATIENCE_SECONDS, 0.05):
        # Not read as JSON: the gateway needs the processors, and there is a line for each profile.
        content = log.read_bytes()
        loading = b'"state":"loading"' in content or b'"event":"profile"' not in content
        end = content.find(b'"event":"keys-loaded"' if loading else b'"event":"ready"')
        if end >= 0:
            line = content[content.rfind(b"\n", 0, end) + 1 :].partition(b"\n")[0]
            if found := event_of(line):
                return dt.datetime.fromisoformat(found["time"]).timestamp()
    raise stage.StageError("the keys are not loaded")


def event_of(line: bytes) -> dict[str, Any]:
    """Read an event; of any other line, nothing."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "event" in found else {}


def _judge(starts: list[Start]) -> bool:
    """Print the best of the starts: what else the machine does only ever adds."""
    found = (
        ("listening", min(it.listening for it in starts), LISTENING_SECONDS),
        ("all profiles usable", min(it.usable for it in starts), USABLE_SECONDS),
        ("longest gap", min(it.gaps[0].seconds for it in starts if it.gaps), GAP_SECONDS),
    )
    for name, seconds, limit in found:
        print(f"{name:<20} {seconds:6.3f} s   limit {limit} s   {'reached' if seconds <= limit else 'MISSED'}")
    return all(seconds <= limit for _, seconds, limit in found)


if __name__ == "__main__":
    sys.exit(main())
