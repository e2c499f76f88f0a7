"""Port: the audit journal as the data path knows it.

Owns the order of things: outcomes gathered for a turn of the loop, an intent at once, what becomes of both while
nothing can be written, and the chores of every second. Refuses to know lines (`entries`) and files (`store`).
"""

from __future__ import annotations

import asyncio
import errno
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.config.schema import Audit
from fla_gateway.errors import ProblemError
from fla_gateway.journal.backlog import Backlog
from fla_gateway.journal.directory import Directory
from fla_gateway.journal.entries import Entries
from fla_gateway.journal.lines import LOST, REPAIR, RETENTION, START, STOP, STRANGERS
from fla_gateway.journal.removal import Removal
from fla_gateway.journal.retention import Contents
from fla_gateway.journal.segments import date_of
from fla_gateway.journal.store import Store
from fla_gateway.journal.strangers import Strangers
from fla_gateway.journal.syncing import Syncing
from fla_gateway.journal.unanswered import DAYS, Unanswered, unanswered
from fla_gateway.proxy.record import ExchangeRecord, Intent

_LOG = structlog.get_logger()
STRANGERS_SECONDS: Final = 60.0
RETRY_AFTER: Final = 5
_TICK_SECONDS: Final = 1.0
_BRAKE_SECONDS: Final = 0.1
"""After a failure, that long no intent makes another try of its own."""
_LONGEST_PROBE_SECONDS: Final = 64.0
_SLICE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What the journal repeats of the program and its configuration.

    Attributes:
        version: of the program.
        configuration: fingerprint of the configuration.
        environments: name of each profile's environment.
    """

    version: str
    configuration: str
    environments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JournalSnapshot:
    """The journal at one moment; for metrics and status.

    Attributes:
        head: hash of the last line.
        seq: its number.
        segment: number of the last segment; 0 before the first.
        daily_head: the head that was logged last.
        waiting: entries that wait to be written.
        oldest_seconds: how long the first of them has waited; 0 without any.
        failing: whether the journal cannot be written or synced at present.
        failures: times that this began, since the start.
        lost: entries lost since the start.
        syncs: fsyncs that succeeded, since the start.
        sync_failures: those that failed.
    """

    head: str
    seq: int
    segment: int
    daily_head: str
    waiting: int
    oldest_seconds: float
    failing: bool
    failures: int
    lost: int
    syncs: int
    sync_failures: int


class AuditJournal:
    """Implements `proxy.record.Journal` and `proxy.record.Observer`; made by `opening.open_journal`.

    Everything is called on the thread of the event loop.

    Attributes:
        waits: see `proxy.record.Journal`.
        masking_key: key of `mask_path` and of token hashes, the same in every run that writes this journal.
    """

    def __init__(
        self,
        settings: Audit,
        clock: Clock,
        facts: Facts,
        directory: Directory,
        entries: Entries,
        store: Store,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.waits = settings.fsync == "always"
        self.masking_key = directory.masking_key
        self._settings = settings
        self._refuses = settings.on_failure == "refuse"
        self._syncs = settings.fsync != "never"
        self._clock = clock
        self._wall = clock.wall
        self._facts = facts
        self._directory = directory
        self._entries = entries
        self._store = store
        self._loop = loop
        self._soon = loop.call_soon
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._syncing = Syncing(store.unsynced, loop, self._thread, self._note_sync)
        self._removal = Removal(directory, settings.retention_days, loop, self._thread, self._record_retention)
        self._run = secrets.token_hex(8)
        # What changes with each exchange
        self._finished: list[ExchangeRecord] = []
        self._asked = False
        self._unfinished: set[str] = set()
        self._strangers = Strangers()
        # What changes with trouble
        self._backlog = Backlog()
        self._unwritable = False
        self._unsynced = False
        self._reason = ""
        self._since = 0.0
        self._retry_at = 0.0
        self._probe_at = 0.0
        self._probe_seconds = _TICK_SECONDS
        self._failures = 0
        self._sync_count = 0
        self._sync_failures = 0
        # What changes with time
        self._timer: asyncio.TimerHandle | None = None
        self._sync_timer: asyncio.TimerHandle | None = None
        self._today = date_of(clock.wall())
        self._outdated = True
        self._daily_head = ""
        self._before = [it for it in directory.segments() if (self._today - it.date).days <= DAYS]
        self._before_size = store.size

    def begin(self) -> None:
        """Record the start, and what it had to repair; begin the chores."""
        now = self._wall()
        entries = []
        for segment, tail in self._store.torn:
            _LOG.warning("journal-repaired", segment=segment.name, bytes=tail.torn)
            members = {"segment": segment.number, "bytes": tail.torn, "sha256": tail.sha256}
            entries.append(self._other(now, REPAIR, members))
        facts = {"run": self._run, "version": self._facts.version, "configuration": self._facts.configuration}
        entries.append(self._other(now, START, facts))
        self._deliver(entries, now)
        self._tell_head("start")
        self.tick()

    # The data path

    def exchange(self, record: ExchangeRecord) -> None:
        """Take note of one finished exchange; it is written before the loop's next turn is over."""
        caller, proof, _, _ = record.admission
        if not caller and not (proof and record.profile):
            self._strangers.add(record.code, self._wall())
            return
        self._finished.append(record)
        if self._unfinished:
            self._unfinished.discard(record.request_id)
        if not self._asked:
            self._asked = True
            self._soon(self._flush)

    def intend(self, intent: Intent) -> None:
        """Write an intent; it is in the kernel's hands when this returns.

        Raises:
            ProblemError: ``journal-unavailable``; nothing may be sent. Not with ``on_failure = "continue"``.
        """
        now = self._wall()
        entries = self._take(now)
        entries.append(self._entries.intent(self._entries.stamp(now), intent))
        if self._unwritable:
            self._retry(now)
        if self._unwritable or (self._unsynced and self._refuses) or not self._write(entries, now):
            self._go_without(entries, now)
        self._unfinished.add(intent.request_id)

    async def secure(self, intent: Intent) -> None:
        """Write an intent and wait until it is on the disk; those that wait at the same time share one fsync.

        Raises:
            ProblemError: as `intend`.
        """
        self.intend(intent)
        error = await self._syncing.synced()
        if error is not None and self._refuses:
            self._unfinished.discard(intent.request_id)
            raise self._refusal()

    def _flush(self) -> None:
        self._asked = False
        now = self._wall()
        entries = self._take(now)
        if entries:
            self._deliver(entries, now)

    def _take(self, now: float) -> list[str]:
        finished, self._finished = self._finished, []
        outcome = self._entries.outcome
        stamp = self._entries.stamp(now)
        return [outcome(stamp, record) for record in finished]

    def _write(self, entries: Sequence[str], now: float) -> bool:
        try:
            self._store.append(entries, now)
        except OSError as error:
            self._unwritable = self._fail(error, now, "written")
            self._retry_at = self._clock.monotonic() + _BRAKE_SECONDS
            return False
        if self._syncs and self._sync_timer is None:
            self._sync_timer = self._loop.call_later(self._settings.fsync_seconds, self._sync)
        return True

    def _deliver(self, entries: Sequence[str], now: float) -> bool:
        """Write entries that are no intents, or keep them for later."""
        if not self._unwritable and self._write(entries, now):
            return True
        self._backlog.keep(entries, "outcomes", self._clock.monotonic())
        return False

    # Trouble

    def _go_without(self, entries: list[str], now: float) -> None:
        """Go on after an intent that could not be written.

        Args:
            entries: outcomes, and the intent as the last.
            now: epoch seconds.

        Raises:
            ProblemError: ``journal-unavailable``.
        """
        intent = entries.pop()
        if entries:
            self._deliver(entries, now)
        if self._refuses:
            raise self._refusal()
        self._backlog.keep([intent], "intents", self._clock.monotonic())

    def _refusal(self) -> ProblemError:
        return ProblemError(
            "journal-unavailable",
            "The gateway records every request that changes something before it is sent, and cannot do so at present: "
            f"the audit journal cannot be written ({self._reason}). Nothing was sent. Calls go through again by "
            "themselves as soon as there is room on its disk and it may be written.",
            RETRY_AFTER,
        )

    def _fail(self, error: OSError, now: float, what: str) -> bool:
        """Note that the journal cannot be written, or synced; told once."""
        if not (self._unwritable or self._unsynced):
            self._failures += 1
            self._since = now
            self._reason = error.strerror or errno.errorcode.get(error.errno or 0, "unknown")
            changes = "refused" if self._refuses else "sent without a record on file"
            path = str(self._directory.path)
            _LOG.error("journal-failing", path=path, cannot_be=what, reason=self._reason, changing_requests=changes)
        return True

    def _retry(self, now: float) -> None:
        """Write what waits, and a record of the time in which that was not possible."""
        if self._clock.monotonic() < self._retry_at:
            return
        while waiting := self._backlog.first(_SLICE):
            if not self._write(waiting, now):
                return
            self._backlog.written(len(waiting))
        self._unwritable = not self._record_loss(now)
        self._recover()

    def _record_loss(self, now: float) -> bool:
        members = {"since": self._entries.stamp(self._since), **self._backlog.lost, "reason": self._reason}
        if not self._write([self._other(now, LOST, members)], now):
            return False
        self._backlog.forget()
        return True

    def _recover(self) -> None:
        if not (self._unwritable or self._unsynced):
            seconds = round(self._wall() - self._since, 1)
            _LOG.info("journal-recovered", seconds=seconds, lost_since_start=self._backlog.lost_ever)

    # The disk

    def _sync(self) -> None:
        self._sync_timer = None
        self._syncing.begin()

    def _note_sync(self, error: OSError | None) -> None:
        now = self._wall()
        if error is None:
            self._sync_count += 1
            self._probe_seconds = _TICK_SECONDS
            if self._unsynced:
                self._unsynced = False
                self._record_loss(now)
                self._recover()
            return
        self._sync_failures += 1
        # What the kernel could not write it may have thrown away, and the next fsync would not say so again: this file
        # is left as it is.
        self._store.renew()
        self._unsynced = self._fail(error, now, "synced")
        self._probe_at = self._clock.monotonic() + self._probe_seconds
        self._probe_seconds = min(self._probe_seconds * 2, _LONGEST_PROBE_SECONDS)

    # Chores

    def tick(self) -> None:
        """Do what is due; calls itself each second."""
        self._timer = self._loop.call_later(_TICK_SECONDS, self.tick)
        now, monotonic = self._wall(), self._clock.monotonic()
        if self._store.is_removed():
            _LOG.error("journal-removed", segment=self._store.segment and self._store.segment.name)
            self._store.renew()
            self._write([], now)
        if not self._syncs:
            self._store.close_retired()
        if self._unwritable:
            self._retry(now)
        elif self._unsynced and monotonic >= self._probe_at and self._write([], now):
            # The first line of a new segment, which an fsync can be tried on.
            self._syncing.begin()
        if not self._unwritable:
            self._chores(now)

    def _chores(self, now: float) -> None:
        since = self._strangers.since
        if since is not None and not 0 <= now - since < STRANGERS_SECONDS:
            self._record_strangers(now)
        today = date_of(now)
        if today != self._today:
            self._today = today
            self._outdated = True
            self._tell_head("day")
        if self._outdated:
            self._outdated = False
            self._removal.begin(self._store.segment, now)

    def _record_strangers(self, now: float) -> None:
        since = self._strangers.since
        if since is not None:
            members = self._strangers.take(self._entries.stamp(since))
            self._deliver([self._other(now, STRANGERS, members)], now)

    def _record_retention(self, contents: list[Contents]) -> bool:
        now = self._wall()
        members = {"segments": [one.members() for one in contents]}
        return not self._unwritable and self._write([self._other(now, RETENTION, members)], now)

    def _tell_head(self, occasion: str) -> None:
        self._daily_head = self._store.head
        _LOG.info("journal-head", occasion=occasion, head=self._store.head, seq=self._store.seq)

    def _other(self, now: float, record: str, members: Mapping[str, Any]) -> str:
        return self._entries.other(self._entries.stamp(now), record, members)

    # For the operator

    def snapshot(self) -> JournalSnapshot:
        """Show the journal at this moment."""
        store = self._store
        return JournalSnapshot(
            head=store.head,
            seq=store.seq,
            segment=store.segment.number if store.segment is not None else 0,
            daily_head=self._daily_head,
            waiting=len(self._backlog) + len(self._finished),
            oldest_seconds=self._backlog.age(self._clock.monotonic()),
            failing=self._unwritable or self._unsynced,
            failures=self._failures,
            lost=self._backlog.lost_ever,
            syncs=self._sync_count,
            sync_failures=self._sync_failures,
        )

    async def find_doubts(self) -> list[Unanswered]:
        """Find, in a thread, the newest changing requests of earlier runs that have no outcome; a week is looked at."""
        search = self._loop.run_in_executor(None, unanswered, self._directory, self._before, self._before_size)
        try:
            return await search
        except OSError as error:
            _LOG.warning("journal-unread", reason=error.strerror)
            return []

    def close(self) -> None:
        """Record the stop, bring everything to the disk and release the journal; blocks, so call it last of all."""
        for timer in (self._timer, self._sync_timer):
            if timer is not None:
                timer.cancel()
        self._flush()
        now = self._wall()
        self._retry_at = 0.0
        if self._unwritable:
            self._retry(now)
        self._record_strangers(now)
        self._deliver([self._other(now, STOP, {"run": self._run, "open": len(self._unfinished)})], now)
        if self._backlog:
            _LOG.error("journal-incomplete", lost=len(self._backlog), reason=self._reason)
        error = self._syncing.finish() if self._syncs else None
        if error is not None:
            self._fail(error, now, "synced")
        self._tell_head("stop")
        self._thread.shutdown()
        self._store.close()
        self._directory.close()
