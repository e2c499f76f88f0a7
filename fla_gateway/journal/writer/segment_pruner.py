"""Adapter: old segments are looked for and removed, in a thread.

Owns the order: first the record that says what goes, then the files, so that a crash in between leaves more than the
journal says and never less. Refuses to decide what is old (`retention`) and to write the record.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import read
from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.writer.directory import Directory
from fla_gateway.journal.writer.retention import MOST_AT_ONCE, Contents, believed, last_known, outdated

_LOG = structlog.get_logger()
_FIRST_LINE: Final = 4_096


class SegmentPruner:
    """Removes segments whose last record is too old.

    Args:
        directory: of the journal.
        days: how long a record is kept.
        loop: the running event loop.
        thread: where files are read and removed.
        record: writes the record of what goes; False if it could not, and nothing goes.
        repaired: segments of earlier runs that this one has changed.

    Attributes:
        days: as given; another number holds from the next look on.
    """

    def __init__(
        self,
        directory: Directory,
        days: int,
        loop: asyncio.AbstractEventLoop,
        thread: ThreadPoolExecutor,
        record: Callable[[list[Contents]], bool],
        repaired: Collection[Segment] = (),
    ) -> None:
        self._directory = directory
        self.days = days
        self._loop = loop
        self._executor = thread
        self._record = record
        self._repaired = repaired
        self._looked: float | None = None

    def begin(self, current: Segment | None, now: float) -> None:
        """Look for old segments, and remove them if there are any.

        Args:
            current: the segment that is written.
            now: epoch seconds.
        """
        looking = self._loop.run_in_executor(self._executor, self._look, current, now, self._looked)
        looking.add_done_callback(self._found)
        self._looked = now

    def _look(self, current: Segment | None, now: float, looked: float | None) -> list[Contents]:
        segments = [it for it in self._directory.segments() if current is None or it.number < current.number]
        if not segments:
            return []
        # At the first look, not that of the segment that is written: it may have been begun by the same clock.
        passed = self._last_change(segments[-1]) if looked is None else looked
        return list(outdated(segments, self._contents, believed(now, passed), self.days))

    def _last_change(self, segment: Segment) -> float:
        """Return the time of a segment's last record, or of its file's last change where that is later.

        A journal that was restored or copied after a long pause has files of that day, whatever is in them. What this
        run has changed proves nothing: it has the time of the clock that is in question.
        """
        if segment in self._repaired:
            return last_known(self._contents(segment))
        descriptor = self._directory.open(segment.name, os.O_RDONLY)
        try:
            changed = os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
        return max(changed, last_known(self._contents(segment)))

    def _contents(self, segment: Segment) -> Contents:
        descriptor = self._directory.open(segment.name, os.O_RDONLY)
        try:
            beginning = os.pread(descriptor, _FIRST_LINE, 0)
        finally:
            os.close(descriptor)
        tail = self._directory.tail(segment)
        return Contents(segment, _first_seq(beginning), tail.seq, tail.head, tail.time)

    def _found(self, looking: asyncio.Future[list[Contents]]) -> None:
        error = looking.exception()
        if error is not None:
            self._failed(error)
            return
        contents = looking.result()
        for start in range(0, len(contents), MOST_AT_ONCE):
            some = contents[start : start + MOST_AT_ONCE]
            if not self._record(some):
                return
            removing = self._loop.run_in_executor(self._executor, self._remove, some)
            removing.add_done_callback(self._removed)

    def _remove(self, contents: list[Contents]) -> list[Contents]:
        # The record has to outlast the files in a power cut as well: a beginning without it is a finding. It is in
        # the newest segment, or in the one before if another was begun since.
        for segment in self._directory.segments()[-2:]:
            descriptor = self._directory.open(segment.name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        for one in contents:
            self._directory.remove(one.segment.name)
        return contents

    def _removed(self, removing: asyncio.Future[list[Contents]]) -> None:
        error = removing.exception()
        if error is not None:
            self._failed(error)
            return
        contents = removing.result()
        _LOG.info("journal-retention", segments=len(contents), last_removed=contents[-1].segment.name)

    def _failed(self, error: BaseException) -> None:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        _LOG.warning("journal-retention-failed", reason=reason, cure="old segments stay; tried again tomorrow")


def _first_seq(beginning: bytes) -> int:
    try:
        return int(read(beginning.partition(b"\n")[0]).members["seq"])
    except JournalError:
        return 0
