"""Root: how fast questions are put to a large journal, and in how much memory, seen from outside.

``python -m benchmarks.journal_reading --lines 1000000``. Owns a journal of lines as the gateway writes them, and the
processor time and memory of each command on it. Exit codes: 0 the targets are reached, 1 one is not. The file is in the
page cache, so that the disk is left out.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import programs
from benchmarks.run import STORE

BYTES_PER_SECOND: Final = 200e6
RESIDENT: Final = 128e6

_SEGMENT: Final = 67_108_864
_BEGINNING: Final = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
_STEP: Final = dt.timedelta(milliseconds=250)
_NUMBER: Final = "85073003328"
_HEAD: Final = (
    '"id":"{id}","caller":"payroll","proof":"key:1a2b3c4d","profile":"employer","environment":"production",'
    '"rule":"{method} /REST/dimona/v2/**","observed":false,"method":"{method}","path":"{path}",'
    '"token":"0123456789abcdef","trace_sent":"{id}","reference":"client-{client}"'
)
_END: Final = (
    ',"status":{status},"origin":"upstream","code":"","outcome":"answered","delivery":"delivered","attempts":1,'
    '"received":120,"sent":30,"trace_received":"{id}"{made},"ms":41.5,"upstream_ms":39.0'
)


class Question(NamedTuple):
    """A command.

    Attributes:
        name: as the table has it.
        words: after ``fla-gateway audit``.
        has_target: whether it passes over most lines.
    """

    name: str
    words: tuple[str, ...]
    has_target: bool = True


class Cost(NamedTuple):
    """What a command took.

    Attributes:
        seconds: on a core.
        resident: bytes of memory at most.
    """

    seconds: float
    resident: float


def main() -> int:
    """Make the journal, measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal_reading", description="Questions to a journal.")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the journal (default 1000000)")
    parser.add_argument("--all", action="store_true", help="with what looks at every line: some minutes more")
    arguments = parser.parse_args()
    small, large = _journal(1), _journal(arguments.lines)
    size = _size(large) - _size(small)
    print(f"{arguments.lines} lines, {size / 1e6:.0f} MB; one core, load {os.getloadavg()[0]:.1f}")
    good = True
    for question in _questions(large / "mask.key"):
        if not (question.has_target or arguments.all):
            continue
        start, cost = (_cost(question, directory) for directory in (small, large))
        speed = size / max(cost.seconds - start.seconds, 0.001)
        is_reached = speed >= BYTES_PER_SECOND and cost.resident <= RESIDENT
        word = "" if not question.has_target else "reached" if is_reached else "MISSED"
        print(
            f"{question.name:<22} {speed / 1e6:6.0f} MB/s  {cost.resident / 1e6:5.0f} MB of memory  {word}", flush=True
        )
        good = good and (is_reached or not question.has_target)
    return 0 if good else 1


def _questions(file: Path) -> Iterator[Question]:
    yield Question("find", ("find", _NUMBER))
    yield Question("match", ("match", str(file)))
    yield Question("report", ("report", "--since", "2026-01-01"))
    yield Question("show --in-doubt", ("show", "--in-doubt"))
    yield Question("show --reference", ("show", "--reference", "client-unknown"))
    yield Question("show --last 20", ("show", "--last", "20"))
    yield Question("show --repeated", ("show", "--repeated"))
    yield Question("export", ("export",), has_target=False)
    yield Question("verify", ("verify",), has_target=False)


def _cost(question: Question, directory: Path) -> Cost:
    word, *further = question.words
    command = [str(programs.gateway(STORE)), "audit", word, "--journal", str(directory), *further]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def _journal(lines: int) -> Path:
    directory = STORE / f"journal-{lines}"
    if not directory.exists():
        _make(directory, lines)
    return directory


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("*.jsonl"))


def _make(directory: Path, lines: int) -> None:
    """Write lines as the gateway does: every other call is a declaration, with its intent."""
    directory.mkdir(parents=True)
    (directory / "mask.key").write_bytes(bytes(32))
    head, seq, number = "0" * 64, 0, 0
    when = _BEGINNING
    entries = _entries(random.Random(1))  # noqa: S311 - an example, not a secret
    while seq < lines:
        number += 1
        entry = f'"record":"segment","segment":{number},"version":"1"'
        with (directory / f"{number:08d}-{when:%Y%m%d}.jsonl").open("wb") as file:
            while seq < lines and file.tell() < _SEGMENT:
                seq, when = seq + 1, when + _STEP
                stamp = when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"
                raw = f'{{"prev":"{head}","seq":{seq},"time":"{stamp}",{entry}}}'.encode()
                head = sha256(raw).hexdigest()
                file.write(raw + b"\n")
                entry = next(entries)


def _entries(choice: random.Random) -> Iterator[str]:
    while True:
        for method, status in (("GET", 200), ("POST", 201)):
            name = uuid.UUID(int=choice.getrandbits(128), version=4)
            mask = f"~{choice.getrandbits(48):012x}"
            path = "/REST/dimona/v2/declarations" + ("" if method == "POST" else f"/{mask}")
            begin = _HEAD.format(id=name, method=method, path=path, client=choice.randrange(300))
            if method == "POST":
                yield f'"record":"intent",{begin},"body":"{choice.getrandbits(64):016x}"'
            made = f',"made":"{mask}"' if method == "POST" else ""
            yield f'"record":"outcome",{begin}{_END.format(id=name, status=status, made=made)}'


if __name__ == "__main__":
    sys.exit(main())
