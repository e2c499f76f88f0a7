"""Adapter: entries get into a segment and to the disk, or wait until they can.

Owns what happens in trouble: what is refused, kept, tried again and counted as lost. Refuses to know what an entry
says, but for the one that records the trouble itself.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.config.schema import Audit
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.line_format import LOST
from fla_gateway.journal.writer.backlog import Backlog
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.journal.writer.fsync_worker import FsyncWorker, Sync
from fla_gateway.journal.writer.segment_writer import SegmentWriter
from fla_gateway.proxy.records.exchange_record import WhenWritten

_LOG = structlog.get_logger()
RETRY_AFTER: Final = 5
BRAKE_SECONDS: Final = 0.1
"""After a failure, that long no intent makes another try of its own."""
PROBE_SECONDS: Final = 1.0
"""After a failed fsync, the first pause before another is tried; each needs a new segment, so the pause doubles."""
LONGEST_PROBE_SECONDS: Final = 64.0
_SLICE: Final = 1_000


class DurableWriter:
    """Writes entries as long as it can, and says what becomes of them when it cannot.

    Args:
        settings: `[audit]`.
        clock: the clocks.
        entries: writes the record of a trouble.
        segment_writer: the end of the journal.
        loop: the running event loop.
        thread: where fsyncs run.
        sync: see `fsync_worker.FsyncWorker`.

    Attributes:
        unwritable: whether writing failed last.
        unsynced: whether an fsync failed last.
        failures: times that either began.
        syncs: fsyncs that succeeded.
        sync_failures: fsyncs that failed.
        backlog: what waits.
    """

    def __init__(
        self,
        settings: Audit,
        clock: Clock,
        entries: EntryEncoder,
        segment_writer: SegmentWriter,
        loop: asyncio.AbstractEventLoop,
        thread: ThreadPoolExecutor,
        sync: Sync,
    ) -> None:
        self._take(settings)
        self._clock = clock
        self._entries = entries
        self._segment_writer = segment_writer
        self._loop = loop
        self._fsync_worker = FsyncWorker(segment_writer.unsynced, loop, thread, self._note_sync, sync)
        self._sync_timer: asyncio.TimerHandle | None = None
        self._written_at = 0.0
        self._syncing_since: float | None = None
        self._reason = ""
        self._since = 0.0
        self._retry_at = 0.0
        self._probe_at = 0.0
        self._probe_seconds = PROBE_SECONDS
        self.unwritable = False
        self.unsynced = False
        self.failures = 0
        self.syncs = 0
        self.sync_failures = 0
        self.backlog = Backlog()

    def _take(self, settings: Audit) -> None:
        self._settings = settings
        self._refuses = settings.on_failure == "refuse"
        self._must_sync = settings.fsync != "never"
        self._waits = settings.fsync == "always"

    def follow(self, settings: Audit) -> None:
        """Work by other settings from now on; what was written without an fsync gets one if they ask for it."""
        synced = self._must_sync
        self._take(settings)
        if self._must_sync and not synced:
            self._fsync_worker.begin()

    def write(self, entries: Sequence[str], now: float) -> bool:
        """Write entries; False if none of them is on file.

        Args:
            entries: as `EntryEncoder` writes them.
            now: epoch seconds.
        """
        try:
            self._segment_writer.append(entries, now)
        except OSError as error:
            self._note_trouble(error, now, "written")
            self.unwritable = True
            self._retry_at = self._clock.monotonic() + BRAKE_SECONDS
            return False
        if self._must_sync and self._sync_timer is None:
            self._written_at = self._clock.monotonic()
            self._sync_timer = self._loop.call_later(self._settings.fsync_seconds, self._sync)
        return True

    def deliver(self, entries: Sequence[str], now: float) -> None:
        """Write entries that no exchange waits for, or keep them for later."""
        if self.unwritable or not self.write(entries, now):
            self.backlog.keep(entries, "outcomes", self._clock.monotonic())

    def commit(self, entries: list[str], intents: int, now: float) -> None:
        """Write entries of which the last are intents.

        Args:
            entries: as `EntryEncoder` writes them.
            intents: how many; at least one.
            now: epoch seconds.

        Raises:
            ProblemError: ``journal-unavailable``; no intent is on file, the others are kept.
        """
        if self.unwritable:
            self._retry(now)
        if not self.unwritable and not (self.unsynced and self._refuses) and self.write(entries, now):
            return
        outcomes = entries[:-intents]
        if outcomes:
            self.deliver(outcomes, now)
        if self._refuses:
            raise self._refusal()
        self.backlog.keep(entries[-intents:], "intents", self._clock.monotonic())

    def insist(self, entries: Sequence[str], now: float) -> None:
        """Write entries, or refuse to; with ``on_failure = "continue"`` as well.

        Args:
            entries: as `EntryEncoder` writes them.
            now: epoch seconds.

        Raises:
            ProblemError: ``journal-unavailable``; none of them is on file.
        """
        self.catch_up(now)
        # What an fsync is required for is not done by a write, as long as fsyncs fail.
        if (self._waits and self.unsynced) or not self.write(entries, now):
            raise self._refusal()

    def catch_up(self, now: float) -> None:
        """Write what waits, if anything does.

        Raises:
            ProblemError: ``journal-unavailable``; it still waits.
        """
        if self.unwritable:
            self._retry(now)
        if self.unwritable:
            raise self._refusal()

    def when_safe(self, when_written: WhenWritten) -> None:
        """Call back as soon as what was written is as safe as the configuration demands, or with why it may not be.

        Args:
            when_written: called at once where data that the kernel has is safe enough.
        """
        if not self._waits or self.unsynced:
            # With ``on_failure = "continue"`` no exchange waits for a disk that fails; `tick` tries it now and then.
            when_written(None)
            return

        def synced(ended: asyncio.Future[OSError | None]) -> None:
            when_written(self._refusal() if ended.result() is not None and self._refuses else None)

        self._fsync_worker.begin().add_done_callback(synced)

    def tick(self, now: float) -> None:
        """Do what is due; called each second.

        Args:
            now: epoch seconds.
        """
        if self._segment_writer.is_removed():
            _LOG.error(
                "journal-removed", segment=self._segment_writer.segment.name if self._segment_writer.segment else ""
            )
            self._segment_writer.renew()
            self.write([], now)
        if not self._must_sync:
            self._segment_writer.close_retired()
        if self.unwritable:
            self._retry(now)
        elif self.unsynced and self._clock.monotonic() >= self._probe_at and self.write([], now):
            # The first line of a new segment, which an fsync can be tried on.
            self._fsync_worker.begin()

    def finish(self, entries: Sequence[str], now: float) -> None:
        """Write the last entries, and bring everything to the disk; blocks.

        Args:
            entries: as `EntryEncoder` writes them.
            now: epoch seconds.
        """
        if self._sync_timer is not None:
            self._sync_timer.cancel()
        self._retry_at = 0.0
        if self.unwritable:
            self._retry(now)
        self.deliver(entries, now)
        if self.backlog:
            _LOG.error("journal-incomplete", lost=len(self.backlog), reason=self._reason)
        error = self._fsync_worker.finish() if self._must_sync else None
        if error is not None:
            self._note_trouble(error, now, "synced")

    # Trouble

    def _note_trouble(self, error: OSError, now: float, what: str) -> None:
        """Note that the journal cannot be written or synced; logged once."""
        if self.unwritable or self.unsynced:
            return
        self.failures += 1
        self._since = now
        self._reason = error.strerror or errno.errorcode.get(error.errno or 0, "unknown")
        changing = "refused" if self._refuses else "sent without a record on file"
        _LOG.error("journal-failing", cannot_be=what, reason=self._reason, changing_requests=changing)

    def _retry(self, now: float) -> None:
        """Write what waits, and that there was trouble."""
        if self._clock.monotonic() < self._retry_at:
            return
        while waiting := self.backlog.first(_SLICE):
            if not self.write(waiting, now):
                return
            self.backlog.written(len(waiting))
        if self._record_trouble(now):
            self.unwritable = False
            self._report_recovery()

    def _record_trouble(self, now: float) -> bool:
        stamp = self._entries.stamp
        members = {"since": stamp(self._since), **self.backlog.lost, "reason": self._reason}
        if not self.write([self._entries.other(stamp(now), LOST, members)], now):
            return False
        self.backlog.forget()
        return True

    def _report_recovery(self) -> None:
        if not (self.unwritable or self.unsynced):
            seconds = round(self._clock.wall() - self._since, 1)
            _LOG.info("journal-recovered", seconds=seconds, lost_since_start=self.backlog.lost_ever)

    def _refusal(self) -> ProblemError:
        return ProblemError(
            "journal-unavailable",
            Text(
                "The gateway records each request that changes something before it sends it, and cannot do so at "
                "present: the audit journal cannot be written ({reason}). Nothing was sent. Calls go through again by "
                "themselves as soon as the journal can be written; see the gateway's log for the cause.",
                reason=self._reason,
            ),
            RETRY_AFTER,
        )

    # The disk

    def _sync(self) -> None:
        self._sync_timer = None
        if self.unsynced:
            return
        if self._syncing_since is None:
            self._syncing_since = self._written_at
        self._fsync_worker.begin()

    def unsynced_seconds(self) -> float:
        """Give the seconds since the first line that may not be on the disk was written; 0 without any."""
        since = self._syncing_since
        if since is None:
            if self._sync_timer is None:
                return 0.0
            since = self._written_at
        return self._clock.monotonic() - since

    def _note_sync(self, error: OSError | None) -> None:
        now = self._clock.wall()
        if error is None:
            self.syncs += 1
            self._syncing_since = None
            self._probe_seconds = PROBE_SECONDS
            if self.unsynced and self._record_trouble(now):
                self.unsynced = False
                self._report_recovery()
            return
        self.sync_failures += 1
        # What the kernel could not write it may have thrown away, and the next fsync would not say so again: this file
        # is left as it is, and another one begun.
        self._segment_writer.renew()
        self._note_trouble(error, now, "synced")
        self.unsynced = True
        self._probe_at = self._clock.monotonic() + self._probe_seconds
        self._probe_seconds = min(self._probe_seconds * 2, LONGEST_PROBE_SECONDS)
