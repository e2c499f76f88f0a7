"""Root: reloads of a gateway with hundreds of profiles, each with a key of its own, seen from outside.

``python -m benchmarks.many_reloads --profiles 1000``. Owns the measurements of a reload: from SIGHUP to the line that
says that it is applied, and the longest gap of the event loop meanwhile. Exit codes: 0 every target reached, 1 one was
not, 2 the work could not be set up. Gaps are those of `many_keys`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import key_files, processes, programs, stage
from benchmarks.many_keys import CONFIGURATION, PATIENCE_SECONDS, PROFILE, Gap, await_keys, connected, event_of, polled
from benchmarks.peers import GATEWAY
from benchmarks.run import STORE, UNFIT
from benchmarks.work import Work

RELOAD_SECONDS: Final = 2.0
GAP_SECONDS: Final = 0.1

_NEW_KEYS: Final = 20
_OLD: Final = 1_000_000_000
"""A time of a file that is not waited for, as one that was written a moment ago is."""


@dataclass(slots=True)
class Reload:
    """What was seen of one reload.

    Attributes:
        kind: what had changed.
        seconds: from the signal to the line of the log.
        busy: of them, how long the first thread was on a core.
        queued: of them, how long it waited for one.
        gaps: of the event loop, the longest first.
        load: average of the machine's load.
    """

    kind: str
    seconds: float = 0.0
    busy: float = 0.0
    queued: float = 0.0
    gaps: list[Gap] = field(default_factory=list)
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    def __str__(self) -> str:
        """Show it on one line."""
        used = f"loop's thread on a core {self.busy:.2f} s, waiting for one {self.queued:.2f} s"
        return f"{self.kind:<12} {self.seconds:.2f} s ({used}); longest gap {self.gaps[0]}; load {self.load:.1f}"


def main() -> int:
    """Measure, print, judge."""
    arguments = _arguments()
    try:
        with stage.workplace(STORE) as work:
            reloads = list(_reloads(work, arguments.profiles, arguments.reloads))
    except (stage.StageError, programs.AbsentError) as error:
        print(f"the work could not be set up: {error}", file=sys.stderr)
        return UNFIT
    return 0 if _judge(reloads) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_reloads", description="Reloads with many keys.")
    parser.add_argument("--profiles", type=int, default=1000, help="each with a key of its own (default 1000)")
    parser.add_argument("--reloads", type=int, default=3, help="of each kind (default 3)")
    arguments = parser.parse_args()
    if arguments.profiles < _NEW_KEYS or arguments.reloads < 1:
        parser.error(f"--profiles is at least {_NEW_KEYS}, --reloads at least 1")
    return arguments


def _reloads(work: Work, profiles: int, number: int) -> Iterator[Reload]:
    folder, configuration, log = STORE / "keys", work.run / "many.toml", work.run / "reloads.log"
    key_files.make(folder, profiles + _NEW_KEYS * number)
    numbers = list(range(profiles))

    def write(seconds: int) -> None:
        ports = {"gateway": work.ports[GATEWAY], "admin": work.ports[f"{GATEWAY}-admin"]}
        text = CONFIGURATION.format(**ports, token=work.token_port, run=work.run)
        text = text.replace("[admin]", f"drain_seconds = {seconds}\n[admin]", 1)
        for profile, key in enumerate(numbers):
            text += PROFILE.format(number=profile, key=key_files.source(folder, key, "pem"))
        configuration.write_text(text)
        os.utime(configuration, (_OLD + seconds, _OLD + seconds))

    def new_keys() -> None:
        numbers[:_NEW_KEYS] = range(max(numbers) + 1, max(numbers) + 1 + _NEW_KEYS)

    changes: dict[str, Callable[[], None]] = {"one setting": lambda: None, f"{_NEW_KEYS} keys": new_keys}
    token = [sys.executable, str(Path(__file__).with_name("token_server.py")), str(work.token_port), str(work.run)]
    versions = itertools.count(1)
    write(next(versions))
    command = [str(programs.gateway(STORE)), "run", "--config", str(configuration)]
    with (
        processes.running(token, None, work.run / "token.log"),
        processes.running(command, None, log, {"PYTHONDONTWRITEBYTECODE": ""}) as process,
        closing(connected(work.ports[GATEWAY], process, log)) as connection,
    ):
        await_keys(log)
        for kind, change in changes.items():
            for _ in range(number):
                change()
                write(next(versions))
                found = Reload(kind)
                with polled(connection, process.pid, time.perf_counter(), found.gaps):
                    _measure(found, process, log)
                found.gaps.sort(key=lambda gap: -gap.seconds)
                print(found, flush=True)
                yield found


def _measure(found: Reload, process: subprocess.Popen[bytes], log: Path) -> None:
    known = len(_reloaded(log))
    began, (busy, queued) = time.time(), processes.scheduled(process.pid)
    process.send_signal(signal.SIGHUP)
    for _ in processes.wait_until(PATIENCE_SECONDS, 0.02):
        times = _reloaded(log)
        if len(times) > known:
            found.seconds = times[known] - began
            busy_then, queued_then = processes.scheduled(process.pid)
            found.busy, found.queued = busy_then - busy, queued_then - queued
            return
    raise stage.StageError(f"the reload is not applied: {log.read_text()[-2000:]}")


def _reloaded(log: Path) -> list[float]:
    events = [event_of(line) for line in log.read_bytes().splitlines() if b'"reloaded"' in line]
    return [dt.datetime.fromisoformat(it["time"]).timestamp() for it in events if it.get("event") == "reloaded"]


def _judge(reloads: list[Reload]) -> bool:
    """Print the best of each kind: what else the machine does only ever adds."""
    good = True
    for kind in dict.fromkeys(it.kind for it in reloads):
        these = [it for it in reloads if it.kind == kind]
        found = (
            ("reload", min(it.seconds for it in these), RELOAD_SECONDS),
            ("longest gap", min(it.gaps[0].seconds for it in these), GAP_SECONDS),
        )
        for name, seconds, limit in found:
            reached = seconds <= limit
            good = good and reached
            words = "reached" if reached else "MISSED"
            print(f"{kind:<12} {name:<12} {seconds:6.3f} s   limit {limit} s   {words}")
    return good


if __name__ == "__main__":
    sys.exit(main())
