"""Journals for tests: written line by line, by the format alone, so that a test can put in what no writer does."""

from __future__ import annotations

import fcntl
import json
import uuid
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fla_gateway.journal.format.line_format import NO_HASH, head_of

BEGINNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

EXCHANGE = {
    "caller": "payroll",
    "proof": "key:1a2b3c4d",
    "profile": "employer",
    "environment": "simulation",
    "method": "POST",
    "path": "/REST/dimona/v2/declarations",
    "rule": "POST /REST/dimona/v2/declarations",
    "observed": False,
    "token": "0011aabb",
    "trace_sent": "trace-sent",
    "trace_caller": "",
    "reference": "",
}
ENDED = {
    "status": 201,
    "origin": "upstream",
    "code": "",
    "outcome": "answered",
    "delivery": "delivered",
    "received": 120,
    "sent": 30,
    "attempts": 1,
    "refused_attempt": None,
    "trace_received": "trace-received",
    "ms": 41.5,
    "token_ms": 0.0,
    "connection_ms": 1.0,
    "upstream_ms": 39.0,
}


def written(when: datetime) -> str:
    """Write a time as the journal does."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def write(prev: str, seq: int, time: str, record: str, members: Mapping[str, Any]) -> bytes:
    """Write a line, without its line break.

    Args:
        prev: hash of the line before, or `NO_HASH`.
        seq: number of the line.
        time: now, as ``2026-11-02T08:15:00.123Z``.
        record: kind.
        members: the kind's own members; JSON values.
    """
    document = {"prev": prev, "seq": seq, "time": time, "record": record, **members}
    return json.dumps(document, separators=(",", ":")).encode("ascii")


class JournalBuilder:
    """A journal that a test writes; each line comes a second after the one before."""

    def __init__(self, directory: Path, beginning: datetime = BEGINNING, number: int = 1) -> None:
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.now = beginning
        self.head = NO_HASH
        self.heads: list[str] = []
        self.seq = 0
        self._number = number - 1
        self.file = directory
        self.segment()

    def segment(self) -> None:
        """Begin a segment."""
        self._number += 1
        self.file = self.directory / f"{self._number:08d}-{self.now:%Y%m%d}.jsonl"
        self.add("segment", segment=self._number, version="1")

    def add(self, record: str, **members) -> str:
        """Add a line; give its time."""
        self.now += timedelta(seconds=1)
        time = written(self.now)
        self.seq += 1
        raw = write(self.head, self.seq, time, record, members)
        self.head = head_of(raw)
        self.heads.append(self.head)
        self.raw(raw + b"\n")
        return time

    def raw(self, data: bytes) -> None:
        """Put bytes at the end of the last segment."""
        with self.file.open("ab") as stream:
            stream.write(data)

    def start(self, run: str = "run-1") -> None:
        self.add("start", run=run, version="1", configuration="f00")

    def stop(self, run: str = "run-1", left: int = 0) -> None:
        self.add("stop", run=run, open=left)

    def intent(self, **members) -> str:
        """Add an intent; give its id."""
        identity = members.pop("id", None) or str(uuid.uuid4())
        self.add("intent", id=identity, **(EXCHANGE | members))
        return identity

    def outcome(self, identity: str = "", **members) -> str:
        """Add an outcome; give its id."""
        identity = identity or str(uuid.uuid4())
        self.add("outcome", id=identity, **(EXCHANGE | ENDED | members))
        return identity

    def post(self, **members) -> str:
        """Add an intent and its outcome; give their id."""
        same = {name: value for name, value in members.items() if name in EXCHANGE}
        return self.outcome(self.intent(**same), **members)

    def get(self, **members) -> str:
        """Add the outcome of a GET; give its id."""
        path = "/REST/dimona/v2/declarations/~0123456789ab"
        return self.outcome("", **({"method": "GET", "path": path, "status": 200} | members))

    def lines(self) -> list[bytes]:
        """Give the lines of the last segment, without line breaks."""
        return self.file.read_bytes().splitlines()

    @contextmanager
    def held(self):
        """Hold the lock, as a gateway that lives does."""
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
