"""Adapter: entries become chained lines at the end of the journal's last segment.

Owns the chain's end, the one open file and when a new segment begins. Refuses to know what an entry says, and to try
again: an error goes up after what was half written has been cut off, so that the file ends where the chain does.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Final

from fla_gateway.journal.format.line_format import NO_HASH, SEGMENT
from fla_gateway.journal.format.segment_name import Segment, date_of, day_of
from fla_gateway.journal.writer.directory import Directory
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.journal.writer.tail_recovery import TornTail

_APPEND: Final = os.O_WRONLY | os.O_APPEND


class SegmentWriter:
    """The end of the journal.

    Nothing is written before the first `append`, not even a repair: a full disk keeps no gateway from starting.

    Args:
        directory: the locked directory.
        entries: writes the first line of a segment.
        version: of the program.
        segment_bytes: size at which a segment is closed.

    Attributes:
        head: hash of the last line.
        seq: its number.
        size: bytes of the last segment that count.
        segment: the last segment, or None before the first one.
        segment_bytes: as given; another size holds from the next line on.
        torn: what the first `append` cuts off, each piece with its place.

    Raises:
        OSError: the segments cannot be read.
    """

    def __init__(self, directory: Directory, entries: EntryEncoder, version: str, segment_bytes: int) -> None:
        self._directory = directory
        self._entries = entries
        self._version = version
        self.segment_bytes = segment_bytes
        self._descriptor = -1
        self._ends = 0.0
        self._reusable = False
        self._dirty = False
        self._hollow: list[Segment] = []
        self._retired: list[int] = []
        self._new_name = False
        self.head = NO_HASH
        self.seq = 0
        self.size = 0
        self.segment: Segment | None = None
        self.torn: list[tuple[Segment, TornTail]] = []
        self._find_end()

    def append(self, entries: Iterable[str], now: float) -> None:
        """Write entries, all or none; they are in the kernel's hands when this returns.

        Args:
            entries: as `EntryEncoder` writes them.
            now: epoch seconds.

        Raises:
            OSError: none of them is in the journal.
        """
        if self._descriptor < 0 or self._dirty or self.size >= self.segment_bytes or now >= self._ends:
            self._prepare(now)
        data, head, seq = chained(entries, self.head, self.seq)
        try:
            _write(self._descriptor, data)
        except OSError:
            self._dirty = True
            with contextlib.suppress(OSError):
                self._cut()
            raise
        self.head, self.seq = head, seq
        self.size += len(data)

    def renew(self) -> None:
        """Begin a new segment with the next entry: this one's file cannot be relied on any more."""
        self._retire()

    def leave_future(self, now: float) -> None:
        """Begin a new segment with the next entry if this one is of a day after tomorrow: the clock was ahead.

        It would otherwise be written until that day has come, and be kept with all that is in it.

        Args:
            now: epoch seconds.
        """
        if self.segment is not None and not self._dirty and self.segment.date > date_of(now) + timedelta(days=1):
            self._retire()

    def is_removed(self) -> bool:
        """Return whether the open segment or a part of it was removed, so that its chain leads nowhere.

        Programs that rotate logs do the latter: they copy a file and cut it to nothing.
        """
        if self._descriptor < 0:
            return False
        found = os.fstat(self._descriptor)
        return not found.st_nlink or found.st_size < self.size

    def unsynced(self) -> tuple[list[int], list[int]]:
        """Give the descriptors that an fsync must reach, and those among them to be closed after it."""
        retired, self._retired = self._retired, []
        wanted = [*retired, *([self._descriptor] if self._descriptor >= 0 else [])]
        if self._new_name:
            self._new_name = False
            # A file whose name is not on the disk is lost with all its lines.
            wanted.append(self._directory.descriptor)
        return wanted, retired

    def close_retired(self) -> None:
        """Close the segments before the open one without an fsync."""
        while self._retired:
            os.close(self._retired.pop())

    def recent(self, days: int, now: float) -> list[Segment]:
        """Give the segments begun in the last days up to the open one.

        Args:
            days: how many.
            now: epoch seconds.
        """
        last, today = self.segment, date_of(now)
        segments = self._directory.segments() if last is not None else []
        return [it for it in segments if last is not None and it <= last and (today - it.date).days <= days]

    def close(self) -> None:
        """Close every file."""
        self._retire()
        self.close_retired()

    def _find_end(self) -> None:
        for segment in reversed(self._directory.segments()):
            tail = self._directory.tail(segment)
            if tail.torn:
                self.torn.append((segment, tail))
            if tail.head:
                self.head, self.seq, self.size, self.segment = tail.head, tail.seq, tail.good, segment
                self._ends, self._reusable, self._dirty = _end_of(segment), True, tail.torn > 0
                return
            # A crash just after the file was made, or within its first line.
            self._hollow.append(segment)

    # Segments

    def _prepare(self, now: float) -> None:
        self._remove_hollow()
        if self._descriptor < 0 and self._reusable and self.segment is not None:
            self._descriptor = self._directory.open(self.segment.name, _APPEND)
        if self._dirty and self._descriptor >= 0:
            # If it still cannot be cut, it is left behind, and another segment goes on from the last good line.
            with contextlib.suppress(OSError):
                self._cut()
        if self._descriptor < 0 or self._dirty or self.size >= self.segment_bytes or now >= self._ends:
            self._begin(now)

    def _begin(self, now: float) -> None:
        """Begin a segment; if that fails, everything is as before."""
        segment = Segment(self.segment.number + 1 if self.segment is not None else 1, day_of(now))
        members = {"segment": segment.number, "version": self._version}
        entry = self._entries.other(self._entries.stamp(now), SEGMENT, members)
        data, head, seq = chained([entry], self.head, self.seq)
        descriptor = self._directory.open(segment.name, _APPEND | os.O_CREAT | os.O_EXCL)
        try:
            _write(descriptor, data)
        except OSError:
            os.close(descriptor)
            self._hollow.append(segment)
            with contextlib.suppress(OSError):
                self._remove_hollow()
            raise
        self._retire()
        self._descriptor, self._reusable, self._new_name, self._dirty = descriptor, True, True, False
        self.head, self.seq, self.size, self.segment, self._ends = head, seq, len(data), segment, _end_of(segment)

    def _cut(self) -> None:
        os.ftruncate(self._descriptor, self.size)
        self._dirty = False

    def _retire(self) -> None:
        if self._descriptor >= 0:
            self._retired.append(self._descriptor)
        self._descriptor = -1
        self._reusable = False

    def _remove_hollow(self) -> None:
        while self._hollow:
            with contextlib.suppress(FileNotFoundError):
                self._directory.remove(self._hollow[-1].name)
            self._hollow.pop()


def chained(entries: Iterable[str], head: str, seq: int) -> tuple[bytes, str, int]:
    """Put entries into the chain.

    Args:
        entries: as `EntryEncoder` writes them.
        head: hash of the line before.
        seq: its number.

    Returns:
        The lines with their line breaks, the hash of the last, and its number.
    """
    lines = []
    digest = sha256  # a local name, since a global one is looked up for each line
    for entry in entries:
        seq += 1
        raw = f'{{"prev":"{head}","seq":{seq},{entry}'.encode()
        head = digest(raw).hexdigest()
        lines.append(raw)
    lines.append(b"")
    return b"\n".join(lines), head, seq


def _write(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        # A short write: the disk is full, which the next write reports.
        written += os.write(descriptor, data[written:])


def _end_of(segment: Segment) -> float:
    """Give the moment at which a segment's day is over, in epoch seconds."""
    return datetime.combine(segment.date + timedelta(days=1), time(), UTC).timestamp()
