"""Adapter: after a crash, the journal names the changing requests that were begun and have no outcome.

Owns a search that is cheap enough for every start: over bytes, newest segments first, within bounds. Refuses to judge
outcomes; `audit show --in-doubt` does that, over the whole journal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import read
from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.writer.directory import Directory

MOST: Final = 100
MOST_BYTES: Final = 67_108_864
DAYS: Final = 7

_BLOCK: Final = 262_144
# The writer puts id after record; within a text of the line, these quotes would have a backslash before them.
_EITHER: Final = re.compile(rb'"record":"(intent|outcome)","id":"([0-9a-f-]{36})"')


class OpenIntent(NamedTuple):
    """A changing request that may have been sent, and whose outcome the journal does not have.

    Attributes:
        time: when it was about to be sent, as the journal writes it.
        request_id: UUID.
        caller: name of the caller.
        profile: name of the profile.
        method: request method.
        path: masked.
        reference: the caller's own, or empty.
    """

    time: str
    request_id: str
    caller: str
    profile: str
    method: str
    path: str
    reference: str


def unanswered(directory: Directory, segments: Sequence[Segment], last_size: int) -> list[OpenIntent]:
    """Find the newest `MOST` intents without outcome; takes a while, so call it in a thread.

    Args:
        directory: of the journal.
        segments: where to look, in the journal's order.
        last_size: bytes of the last one that count.

    Raises:
        OSError: a segment cannot be read.
    """
    pending: dict[bytes, bytes] = {}
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
            _note(_lines(descriptor, start, size), pending)
    finally:
        for descriptor, _, _ in chosen:
            os.close(descriptor)
    return [it for raw in [*pending.values()][-MOST:] if (it := _described(raw)) is not None]


def _note(lines: Iterable[bytes], pending: dict[bytes, bytes]) -> None:
    for line in lines:
        found = _EITHER.search(line)
        if found is None:
            continue
        if found[1] == b"intent":
            pending[found[2]] = line
        else:
            pending.pop(found[2], None)


def _lines(descriptor: int, start: int, end: int) -> Iterable[bytes]:
    rest = b""
    while start < end:
        block = os.pread(descriptor, min(_BLOCK, end - start), start)
        if not block:
            return
        start += len(block)
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _described(raw: bytes) -> OpenIntent | None:
    try:
        members = read(raw).members
    except JournalError:
        return None
    names = ("time", "id", "caller", "profile", "method", "path", "reference")
    return OpenIntent(*(str(members.get(name, "")) for name in names))
