"""Adapter: at a start, the journal names the changing requests of earlier runs that are in doubt and not settled.

Owns a search that is cheap enough for every start: over bytes, newest segments first, within bounds, and how far back
it went. Refuses to judge the whole journal, which `audit show --in-doubt` does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from fla_gateway.access.bounded_cache import remember
from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import read
from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.writer.directory import Directory
from fla_gateway.journal.writer.repeated_declarations import MOST as MOST_BODIES
from fla_gateway.journal.writer.repeated_declarations import Sent
from fla_gateway.proxy.exchange.retry_policy import READING
from fla_gateway.proxy.records.in_doubt import doubt

MOST: Final = 100
MOST_BYTES: Final = 67_108_864
DAYS: Final = 7

_BLOCK: Final = 262_144
# The writer puts id after record; within a text of the line, these quotes would have a backslash before them.
_ABOUT: Final = re.compile(rb'"record":"(intent|outcome|settled)","id":"([0-9a-f-]{36})"')
_METHOD: Final = re.compile(rb'"method":"([A-Z-]*)"')
_ANSWER: Final = re.compile(
    rb'"status":([0-9]+),"origin":"([a-z-]+)","code":"[a-z-]*","outcome":"([a-z-]+)","delivery":"[a-z-]+",'
    rb'"attempts":([0-9]+)'
)
_NOTHING_CAME: Final = re.compile(
    rb'"status":4[0-9]{2},"origin":"upstream"|"outcome":"(?:not-sent|refused)"|"attempts":0[,}]'
)
_TIME: Final = re.compile(rb'"time":"([^"]*)"')
NO_OUTCOME: Final = "no-outcome"


class OpenDoubt(NamedTuple):
    """A changing request that may have been done, which neither the journal nor a person knows.

    Attributes:
        time: when it was about to be sent, as the journal writes it.
        request_id: UUID.
        caller: name of the caller.
        profile: name of the profile.
        method: request method.
        path: masked.
        reference: the caller's own, or empty.
        reason: `NO_OUTCOME`, or one of `proxy.records.in_doubt`.
    """

    time: str
    request_id: str
    caller: str
    profile: str
    method: str
    path: str
    reference: str
    reason: str = NO_OUTCOME


class LookBack(NamedTuple):
    """What a search found.

    Attributes:
        number: of all that is open.
        newest: the newest `MOST` of it, the oldest first.
        since: time of the first line that was looked at, as the journal writes it; empty without any.
        bodies: the newest bodies since a given time of what was not refused, the oldest first.
    """

    number: int
    newest: list[OpenDoubt]
    since: str
    bodies: list[Sent]


def look_back(day: str, directory: Directory, segments: Sequence[Segment], last_size: int) -> LookBack:
    """Find what is open; takes a while, so call it in a thread.

    Args:
        day: from when on bodies are wanted, as the journal writes it.
        directory: of the journal.
        segments: where to look, in the journal's order.
        last_size: bytes of the last one that count.

    Raises:
        OSError: a segment cannot be read.
    """
    pending: dict[bytes, tuple[bytes, str]] = {}
    bodies = _Bodies(day.encode())
    since = ""
    chosen, room = [], MOST_BYTES
    for segment in reversed(segments):
        if room <= 0:
            break
        try:
            descriptor = directory.open(segment.name, os.O_RDONLY)
        except FileNotFoundError:
            # Retention was faster.
            break
        size = last_size if segment is segments[-1] else os.fstat(descriptor).st_size
        chosen.append((descriptor, max(0, size - room), size))
        room -= size
    try:
        for descriptor, start, size in reversed(chosen):
            since = _note(_lines(descriptor, start, size), pending, since, bodies)
    finally:
        for descriptor, _, _ in chosen:
            os.close(descriptor)
    found = [*pending.values()][-MOST:]
    newest = [it for raw, why in found if (it := _described(raw, why)) is not None]
    return LookBack(len(pending), newest, since, bodies.read())


def _note(lines: Iterable[bytes], pending: dict[bytes, tuple[bytes, str]], since: str, bodies: _Bodies) -> str:
    """Take note of what is open after these lines; return the time of the first one, if there was none before."""
    for line in lines:
        if not since and (first := _TIME.search(line)) is not None:
            since = first[1].decode("ascii", "replace")
        found = _ABOUT.search(line)
        if found is None:
            continue
        kind, name = found[1], found[2]
        bodies.note(kind, name, line)
        if kind == b"intent":
            pending[name] = line, NO_OUTCOME
        elif kind == b"outcome" and (why := _why(line, known=name in pending)):
            pending[name] = line, why
        else:
            pending.pop(name, None)
    return since


class _Bodies:
    """The lines that have the hashes of bodies, of the last day."""

    def __init__(self, day: bytes) -> None:
        self._day = day
        self._lines: dict[bytes, bytes] = {}

    def note(self, kind: bytes, name: bytes, line: bytes) -> None:
        """Keep an intent, or an outcome, with a body; drop it again if nothing came of it."""
        time = _TIME.search(line)
        if kind == b"settled" or time is None or time[1] < self._day:
            return
        if b',"body":"' in line:
            remember(self._lines, name, line, MOST_BODIES)
        if kind == b"outcome" and name in self._lines and _NOTHING_CAME.search(line) is not None:
            del self._lines[name]

    def read(self) -> list[Sent]:
        """Return them, the oldest first."""
        return [it for line in self._lines.values() if (it := _sent(line)) is not None]


def _sent(raw: bytes) -> Sent | None:
    try:
        members = read(raw).members
        when = datetime.fromisoformat(members["time"]).timestamp()
    except (JournalError, ValueError):
        return None
    body, profile, method, path, name = (str(members.get(it, "")) for it in ("body", "profile", "method", "path", "id"))
    return Sent(body, profile, method, path, name, when)


def _why(line: bytes, *, known: bool) -> str:
    """Return why an outcome leaves a request in doubt; empty if it does not, or if the request changes nothing."""
    if not known and ((method := _METHOD.search(line)) is None or method[1] in READING):
        return ""
    answer = _ANSWER.search(line)
    if answer is None:
        return ""
    return doubt(answer[3].decode(), answer[2].decode(), int(answer[1]), int(answer[4]))


def _lines(descriptor: int, start: int, end: int) -> Iterable[bytes]:
    rest = b""
    while start < end:
        block = os.pread(descriptor, min(_BLOCK, end - start), start)
        if not block:
            return
        start += len(block)
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _described(raw: bytes, why: str) -> OpenDoubt | None:
    try:
        members = read(raw).members
    except JournalError:
        return None
    names = ("time", "id", "caller", "profile", "method", "path", "reference")
    return OpenDoubt(*(str(members.get(name, "")) for name in names))._replace(reason=why)
