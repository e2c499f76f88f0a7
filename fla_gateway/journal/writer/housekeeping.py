"""State: what the journal does once a second, beside the data path.

Owns when that is due: sums of refusals, the head of the chain in the log, the removal of old segments. Refuses to know
exchanges and intents (`audit_journal`), and what becomes of an entry that cannot be written (`durable_writer`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from fla_gateway.journal.format.line_format import RETENTION, STRANGERS
from fla_gateway.journal.format.segment_name import date_of
from fla_gateway.journal.writer.directory import Directory
from fla_gateway.journal.writer.durable_writer import DurableWriter
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.journal.writer.rejection_counts import RejectionCounts
from fla_gateway.journal.writer.retention import Contents
from fla_gateway.journal.writer.segment_pruner import SegmentPruner
from fla_gateway.journal.writer.segment_writer import SegmentWriter

_LOG = structlog.get_logger()
REJECTIONS_SECONDS: Final = 60.0
_TICK_SECONDS: Final = 1.0


class Housekeeping:
    """The chores of a journal; everything is called on the thread of the event loop.

    Attributes:
        daily_head: hash of the chain that was logged last.
        rejection_counts: refusals that are not on file yet.
    """

    # Slots: as in `audit_journal`.
    __slots__ = (
        "_entries", "_loop", "_outdated", "_segment_pruner", "_segment_writer", "_timer", "_today", "_wall", "_writer",
        "daily_head", "rejection_counts",
    )  # fmt: skip

    def __init__(
        self,
        days: int,
        wall: Callable[[], float],
        directory: Directory,
        entries: EntryEncoder,
        segment_writer: SegmentWriter,
        writer: DurableWriter,
        loop: asyncio.AbstractEventLoop,
        thread: ThreadPoolExecutor,
    ) -> None:
        """Take what is needed; nothing is done before `begin`.

        Args:
            days: how long a record is kept.
            wall: returns epoch seconds.
            directory: of the journal.
            entries: writes an entry.
            segment_writer: the end of the journal.
            writer: brings entries there.
            loop: the running event loop.
            thread: where old segments are looked for and removed.
        """
        self._wall = wall
        self._entries = entries
        self._segment_writer = segment_writer
        self._writer = writer
        self._loop = loop
        repaired = frozenset(segment for segment, _ in segment_writer.torn)
        self._segment_pruner = SegmentPruner(directory, days, loop, thread, self._record_removal, repaired)
        self._timer: asyncio.TimerHandle | None = None
        self._today = date_of(wall())
        self._outdated = True
        self.daily_head = ""
        self.rejection_counts = RejectionCounts()

    def begin(self) -> None:
        """Log the head of the chain, and do what is due from now on each second."""
        self.report_head("start")
        self._each_second()

    def stop(self) -> None:
        """Do no more by itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _each_second(self) -> None:
        self._timer = self._loop.call_later(_TICK_SECONDS, self._each_second)
        self.tick()

    def tick(self) -> None:
        """Do what is due."""
        now = self._wall()
        self._writer.tick(now)
        if self._writer.unwritable:
            return
        since = self.rejection_counts.since
        if since is not None and not 0 <= now - since < REJECTIONS_SECONDS:
            self._writer.deliver(self.refusals(now), now)
        today = date_of(now)
        if today != self._today:
            self._today = today
            self._outdated = True
            # Back from a day that has not come: what follows is not to wait for it.
            self._segment_writer.leave_future(now)
            self.report_head("day")
        if self._outdated:
            self._outdated = False
            self._segment_pruner.begin(self._segment_writer.segment, now)

    def keep_for(self, days: int) -> None:
        """Keep records for another number of days; what is too old then goes with the next second, as at a start."""
        if days != self._segment_pruner.days:
            self._segment_pruner.days = days
            self._outdated = True

    def refusals(self, now: float) -> list[str]:
        """Return the entry of the refusals that are not on file yet, and count anew; none without any.

        Args:
            now: epoch seconds.
        """
        since = self.rejection_counts.since
        if since is None:
            return []
        stamp = self._entries.stamp
        return [self._entries.other(stamp(now), STRANGERS, self.rejection_counts.take(stamp(since)))]

    def report_head(self, occasion: str) -> None:
        """Log the head of the chain, from which it can be proven later that nothing before it was changed."""
        self.daily_head = self._segment_writer.head
        _LOG.info("journal-head", occasion=occasion, head=self._segment_writer.head, seq=self._segment_writer.seq)

    def _record_removal(self, contents: list[Contents]) -> bool:
        now = self._wall()
        members = {"segments": [one.members() for one in contents]}
        entry = self._entries.other(self._entries.stamp(now), RETENTION, members)
        return not self._writer.unwritable and self._writer.write([entry], now)
