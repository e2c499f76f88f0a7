"""Adapter: the audit journal as the data path knows it.

Owns the order of things: what is gathered for a turn of the loop, outcomes before intents. Refuses to know lines
(`entry_encoder`), files (`segment_writer`), what to do in trouble (`durable_writer`) and what is due each second
(`housekeeping`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from fla_gateway.clock import Clock
from fla_gateway.config.schema import Audit
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.body_hash import BodyHasher, BodyStream
from fla_gateway.journal.format.line_format import (
    ACCOUNT,
    CONFIGURATION,
    REPAIR,
    SETTLED,
    START,
    STOP,
)
from fla_gateway.journal.snapshot import Account, Facts, JournalSnapshot, Settlement
from fla_gateway.journal.writer.directory import Directory
from fla_gateway.journal.writer.durable_writer import DurableWriter
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.journal.writer.fsync_worker import Sync, sync_files
from fla_gateway.journal.writer.housekeeping import Housekeeping
from fla_gateway.journal.writer.open_intents import DAYS, LookBack, look_back
from fla_gateway.journal.writer.repeated_declarations import SECONDS, RepeatedDeclarations
from fla_gateway.journal.writer.segment_writer import SegmentWriter
from fla_gateway.proxy.records.exchange_record import ExchangeRecord, Intent, WhenWritten
from fla_gateway.system.thread_pool import ThreadPool

_LOG = structlog.get_logger()


class AuditJournal:
    """Implements `Journal` and `Observer` of `proxy.records.exchange_record`; made by `journal.open.open_journal`.

    Everything is called on the thread of the event loop.

    Attributes:
        masking_key: key of `mask_path` and of token hashes, the same in every run that writes this journal.
        path: its directory.
    """

    # Slots: Python looks attributes up by name, for each exchange, in an object that has so many without them.
    __slots__ = (
        "_announced", "_asked", "_before", "_before_size", "_bodies", "_directory", "_entries", "_executor", "_facts",
        "_finished", "_followers", "_housekeeping", "_loop", "_monotonic", "_rejection_counts", "_repeated", "_run",
        "_segment_writer", "_soon", "_unfinished", "_wall", "_writer", "masking_key", "path",
    )  # fmt: skip

    def __init__(
        self,
        settings: Audit,
        clock: Clock,
        facts: Facts,
        directory: Directory,
        entries: EntryEncoder,
        segment_writer: SegmentWriter,
        loop: asyncio.AbstractEventLoop,
        sync: Sync = sync_files,
    ) -> None:
        self.masking_key = directory.masking_key
        self.path = directory.path
        self._bodies = BodyHasher(directory.masking_key)
        self._repeated = RepeatedDeclarations(directory.masking_key)
        self._wall = clock.wall
        self._monotonic = clock.monotonic
        self._facts = facts
        self._directory = directory
        self._entries = entries
        self._segment_writer = segment_writer
        self._loop = loop
        self._soon = loop.call_soon
        self._executor = ThreadPool(1, "journal")
        self._writer = DurableWriter(settings, clock, entries, segment_writer, loop, self._executor, sync)
        self._housekeeping = Housekeeping(
            settings.retention_days, clock.wall, directory, entries, segment_writer, self._writer, loop, self._executor
        )
        self._run = secrets.token_hex(8)
        # What changes with each exchange
        self._finished: list[ExchangeRecord] = []
        self._announced: list[tuple[Intent, WhenWritten]] = []
        self._followers: Callable[[Sequence[ExchangeRecord]], None] = _no_follower
        self._asked = False
        self._unfinished: set[str] = set()
        self._rejection_counts = self._housekeeping.rejection_counts
        # Where earlier runs wrote
        self._before = segment_writer.recent(DAYS, clock.wall())
        self._before_size = segment_writer.size

    def begin(self) -> None:
        """Record the start, and what it had to repair; begin the chores."""
        now = self._wall()
        self._segment_writer.leave_future(now)
        entries = []
        for segment, tail in self._segment_writer.torn:
            _LOG.warning("journal-repaired", segment=segment.name, bytes=tail.torn)
            members = {"segment": segment.number, "bytes": tail.torn, "sha256": tail.sha256}
            entries.append(self._other(now, REPAIR, members))
        facts = {"run": self._run, "version": self._facts.version, "configuration": self._facts.configuration}
        entries.append(self._other(now, START, facts))
        self._writer.deliver(entries, now)
        self._housekeeping.begin()

    # The data path

    def follow(self, followers: Callable[[Sequence[ExchangeRecord]], None]) -> None:
        """Register a function that gets all exchanges of a turn, once they are on record; it must not raise.

        The journal comes first, since what can be proven later matters more than what can be seen now. One call for all
        exchanges costs a quarter less than one call each.
        """
        self._followers = followers

    def exchange(self, record: ExchangeRecord) -> None:
        """Take note of one finished exchange; it is written in the loop's next turn, before all intents."""
        self._finished.append(record)
        if not self._asked:
            self._asked = True
            self._soon(self._flush)

    def begin_hash(self) -> BodyStream:
        """See `proxy.records.exchange_record.Journal`."""
        return self._bodies.begin()

    def announce(self, intent: Intent, when_written: WhenWritten) -> None:
        """See `proxy.records.exchange_record.Journal`. With ``on_failure = "continue"`` no error is passed on."""
        self._announced.append((intent, when_written))
        if not self._asked:
            self._asked = True
            self._soon(self._flush)

    def _flush(self) -> None:
        self._asked = False
        finished, self._finished = self._finished, []
        announced, self._announced = self._announced, []
        if announced:
            # Of these nothing was sent, and nothing will be: an intent after the outcome would be in doubt for ever.
            over = {record.request_id for record in finished if not record.attempts}
            if over:
                announced = [it for it in announced if it[0].request_id not in over]
        try:
            self._write(finished, [intent for intent, _ in announced])
        except ProblemError as error:
            _call_back(announced, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must end in answers, not in callers that wait
            _LOG.error("journal-fault", error=type(error).__name__, exc_info=error)
            fault = Text("The gateway met a fault of its own; its log has the details.")
            _call_back(announced, ProblemError("internal-error", fault))
        else:
            if announced:
                self._writer.when_safe(partial(_call_back, announced))
        if finished:
            self._followers(finished)

    def _write(self, finished: Sequence[ExchangeRecord], intents: Sequence[Intent]) -> None:
        """Write intents after what is over; raises ProblemError as `DurableWriter.commit`."""
        now = self._wall()
        entries = self._outcomes(finished, now)
        if intents:
            bodies = self._bodies.hash_bodies([intent.body for intent in intents])
            entries += self._entries.intents(self._entries.stamp(now), intents, bodies)
            self._writer.commit(entries, len(intents), now)
            self._unfinished.update([intent.request_id for intent in intents])
            self._repeated.announced(intents, bodies, now)
        elif entries:
            self._writer.deliver(entries, now)

    def _outcomes(self, finished: Sequence[ExchangeRecord], now: float) -> list[str]:
        """Write what is over; refusals of unauthenticated clients are added up instead."""
        if self._unfinished:
            self._unfinished.difference_update([record.request_id for record in finished])
            self._repeated.finished(finished, now)
        return self._entries.outcomes(self._entries.stamp(now), finished, self._is_known)

    def _is_known(self, record: ExchangeRecord) -> bool:
        """Return whether an exchange gets its own record; that of an unauthenticated client is added up."""
        if record.admission.caller or (record.admission.proof and record.profile):
            return True
        if record.code:
            # Without a code it was not refused: it is a preflight request of a browser.
            self._rejection_counts.add(record.code, self._wall())
        return False

    # What is seldom

    def tick(self) -> None:
        """Do what is due; the journal calls it itself, each second."""
        self._housekeeping.tick()

    def _other(self, now: float, record: str, members: Mapping[str, Any]) -> str:
        return self._entries.other(self._entries.stamp(now), record, members)

    def configured(self, fingerprint: str) -> None:
        """Record that another configuration has taken over.

        Args:
            fingerprint: of the configuration.
        """
        now = self._wall()
        members = {"run": self._run, "configuration": fingerprint}
        self._writer.deliver([self._other(now, CONFIGURATION, members)], now)

    def accounts(self, accounts: Sequence[Account]) -> None:
        """Record as which clients profiles act from now on."""
        now = self._wall()
        self._writer.deliver([self._other(now, ACCOUNT, self._entries.account(it)) for it in accounts], now)

    def running(self) -> frozenset[str]:
        """Return the ids of changing requests that still run; the outcomes of all others are on file.

        Raises:
            ProblemError: ``journal-unavailable``, since some wait to be written.
        """
        self._flush()
        self._writer.catch_up(self._wall())
        return frozenset(self._unfinished)

    def settled(self, settlements: Sequence[Settlement], when_written: WhenWritten) -> None:
        """Record the ends of doubts, all or none.

        Args:
            settlements: what a person found out.
            when_written: called once they are as durable as the configuration requires.

        Raises:
            ProblemError: ``journal-unavailable``; nothing was written.
        """
        now = self._wall()
        self._writer.insist([self._other(now, SETTLED, it.members()) for it in settlements], now)
        self._writer.when_safe(when_written)

    def follow_settings(self, settings: Audit) -> None:
        """Work by other settings from now on; the directory stays.

        Args:
            settings: `[audit]` of the configuration that has taken over.
        """
        self._writer.follow(settings)
        self._segment_writer.segment_bytes = settings.segment_bytes
        self._housekeeping.keep_for(settings.retention_days)

    # For the operator

    def snapshot(self) -> JournalSnapshot:
        """Show the journal at this moment."""
        segment_writer, writer = self._segment_writer, self._writer
        return JournalSnapshot(
            head=segment_writer.head,
            seq=segment_writer.seq,
            segment=segment_writer.segment.number if segment_writer.segment is not None else 0,
            daily_head=self._housekeeping.daily_head,
            waiting=len(writer.backlog) + len(self._finished) + len(self._announced),
            oldest_seconds=writer.backlog.age(self._monotonic()),
            unsynced_seconds=writer.unsynced_seconds(),
            failing=writer.unwritable or writer.unsynced,
            failures=writer.failures,
            lost=writer.backlog.lost_ever,
            syncs=writer.syncs,
            sync_failures=writer.sync_failures,
        )

    async def find_doubts(self) -> LookBack:
        """Find, in a thread, what earlier runs left in doubt and no person has settled; looks back a week."""
        day = self._entries.stamp(self._wall() - SECONDS)
        search = self._loop.run_in_executor(None, look_back, day, self._directory, self._before, self._before_size)
        try:
            found = await search
        except OSError as error:
            _LOG.warning("journal-unread", reason=error.strerror)
            return LookBack(0, [], "", [])
        self._repeated.recall(found.bodies)
        return found

    def settle(self) -> None:
        """Write what is over, before the followers are closed.

        Intents that are still announced are not written, and their callbacks are not called: nothing is sent any more.
        """
        self._announced = []
        self._flush()

    def close(self) -> None:
        """Record the stop, bring everything to the disk and release the journal; blocks, so call it last of all."""
        self._housekeeping.stop()
        self.settle()
        now = self._wall()
        stop = self._other(now, STOP, {"run": self._run, "open": len(self._unfinished)})
        self._writer.finish([*self._housekeeping.refusals(now), stop], now)
        self._housekeeping.report_head("stop")
        self._executor.shutdown()
        self._segment_writer.close()
        self._directory.close()


def _call_back(announced: Sequence[tuple[Intent, WhenWritten]], refusal: ProblemError | None) -> None:
    for _, when_written in announced:
        when_written(refusal)


def _no_follower(_: Sequence[ExchangeRecord]) -> None:
    return
