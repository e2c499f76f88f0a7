"""What reaches the disk when: fsync in a thread, shared by all who wait, and what its failure means."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from fla_gateway.errors import ProblemError
from fla_gateway.journal.snapshot import Settlement
from fla_gateway.journal.writer.audit_journal import AuditJournal
from fla_gateway.journal.writer.directory import Directory
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.journal.writer.fsync_worker import FsyncWorker, sync_files
from fla_gateway.journal.writer.segment_writer import SegmentWriter
from tests.support.journal_writer import (
    DAY,
    FACTS,
    NOON,
    a_record,
    an_intent,
    audit,
    files,
    intend,
    kinds,
    of_kind,
    opened,
    the_id,
)
from tests.support.tokens import HandClock
from tests.support.waiting import PATIENCE, eventually


@pytest.fixture
def clock():
    """A clock moved by hand."""
    return HandClock(wall=NOON)


class SlowDisk:
    """A disk (`fsync_worker.Sync`) whose fsyncs can be held up, and can meet an error of the system.

    A descriptor that is closed is the disk that fails: fsync(2) refuses it.
    """

    def __init__(self) -> None:
        self.broken = False
        self.begun = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, descriptors: list[int], afterwards: list[int]) -> None:
        self.begun += 1
        self.gate.wait(PATIENCE)
        sync_files([*descriptors, *([1_000_000] if self.broken else [])], afterwards)


class Desk:
    """A journal on a slow disk."""

    def __init__(self, path, clock, **settings) -> None:
        loop = asyncio.get_running_loop()
        directory = Directory(path)
        entries = EntryEncoder(directory.masking_key, dict)
        self.segments = SegmentWriter(directory, entries, "1", 65_536)
        self.disk = SlowDisk()
        table = audit(path, **{"fsync": "always", **settings})
        self.journal = AuditJournal(table, clock, FACTS, directory, entries, self.segments, loop, self.disk)
        self.journal.begin()

    async def settled(self, condition) -> None:
        """Wait until something holds."""
        await eventually(condition)


async def test_always_waits_for_the_disk(path):
    """The data path is told to wait, and what it waited for is on file."""
    journal = opened(path, fsync="always")
    await intend(journal, an_intent(1))
    assert journal.snapshot().syncs == 1
    assert [line["id"] for line in of_kind(path, "intent")] == [the_id(1)]
    journal.close()


async def test_all_who_wait_share_an_fsync(path, clock):
    """A hundred intents of one turn cost one fsync; those of the time in which it runs share the next."""
    desk = Desk(path, clock)
    desk.disk.gate.clear()
    waiting = [asyncio.ensure_future(intend(desk.journal, an_intent(number))) for number in range(100)]
    await desk.settled(lambda: desk.disk.begun)
    later = [asyncio.ensure_future(intend(desk.journal, an_intent(number))) for number in range(100, 200)]
    for _ in range(2):  # turns in which they are announced, and written
        await asyncio.sleep(0)
    assert len(of_kind(path, "intent")) == 200
    assert not any(one.done() for one in waiting)
    desk.disk.gate.set()
    await asyncio.gather(*waiting, *later)
    assert (desk.disk.begun, desk.journal.snapshot().syncs) == (2, 2)
    desk.journal.close()


async def test_who_gives_up_waiting_takes_nobody_along(path, clock):
    """A caller that leaves while the disk works does not end the others' wait."""
    desk = Desk(path, clock)
    desk.disk.gate.clear()
    one, other = (asyncio.ensure_future(intend(desk.journal, an_intent(number))) for number in (1, 2))
    await desk.settled(lambda: desk.disk.begun)
    one.cancel()
    desk.disk.gate.set()
    await other
    assert one.cancelled()
    desk.journal.close()


async def test_interval_syncs_what_was_written_and_nothing_else(path, clock):
    """Each interval in which something was written ends with an fsync; a gateway at rest leaves the disk alone."""
    desk = Desk(path, clock, fsync="interval", fsync_seconds=0.01)
    await desk.settled(lambda: desk.journal.snapshot().syncs == 1)
    clock.advance(5)
    assert desk.journal.snapshot().unsynced_seconds == 0
    await intend(desk.journal, an_intent(1))
    clock.advance(5)
    assert desk.journal.snapshot().unsynced_seconds == 5
    await desk.settled(lambda: desk.journal.snapshot().syncs == 2)
    assert desk.journal.snapshot().unsynced_seconds == 0
    assert desk.journal._writer._sync_timer is None
    assert desk.disk.begun == 2
    desk.journal.close()


async def test_never_leaves_it_to_the_kernel(path, clock):
    """No thread is begun for it, not even at the end."""
    desk = Desk(path, clock, fsync="never")
    await intend(desk.journal, an_intent(1))
    desk.journal.close()
    assert desk.disk.begun == 0


async def test_a_finished_segment_reaches_the_disk_before_it_is_closed(path, clock):
    """An intent in the old segment is as safe as one in the new."""
    desk = Desk(path, clock, fsync="interval", fsync_seconds=60)
    await intend(desk.journal, an_intent(1))
    clock.advance(DAY)
    await intend(desk.journal, an_intent(2))
    desk.journal._writer._sync()
    await desk.settled(lambda: desk.journal.snapshot().syncs == 1)
    wanted, closed = desk.segments.unsynced()
    assert (len(wanted), closed) == (1, [])
    desk.journal.close()
    assert len(files(path)) == 2


async def test_a_disk_that_fails_refuses_changes_and_begins_a_new_segment(path, clock):
    """After a failed fsync nobody knows what the kernel kept, so that file is left and the time of doubt recorded."""
    desk = Desk(path, clock)
    await intend(desk.journal, an_intent(1))
    desk.disk.broken = True
    with capture_logs() as logs:
        with pytest.raises(ProblemError, match="Bad file descriptor"):
            await intend(desk.journal, an_intent(2))
        with pytest.raises(ProblemError):
            await intend(desk.journal, an_intent(3))
        desk.journal.exchange(a_record(2, code="journal-unavailable", attempts=0))
        await asyncio.sleep(0)
        desk.disk.broken = False
        clock.advance(1)
        desk.journal.tick()
        await desk.settled(lambda: not desk.journal.snapshot().failing)
    await intend(desk.journal, an_intent(4))
    desk.journal.close()
    assert [event["event"] for event in logs] == ["journal-failing", "journal-recovered"]
    assert kinds(path) == [
        "segment", "start", "intent", "intent", "segment", "outcome", "lost", "intent", "stop"
    ]  # fmt: skip
    assert len(files(path)) == 2
    assert of_kind(path, "lost")[0]["reason"] == "Bad file descriptor"


async def test_nothing_is_settled_on_a_disk_that_fails(path, clock):
    """Where each record has to be on the disk, a settlement is refused until fsyncs succeed again, and not on file."""
    desk = Desk(path, clock, on_failure="continue")
    desk.disk.broken = True
    with capture_logs():
        await intend(desk.journal, an_intent(1))
        await desk.settled(lambda: desk.journal.snapshot().sync_failures)
        with pytest.raises(ProblemError, match="Bad file descriptor"):
            desk.journal.settled([Settlement(the_id(1), "done")], lambda _: None)
        desk.disk.broken = False
        clock.advance(1)
        desk.journal.tick()
        await desk.settled(lambda: not desk.journal.snapshot().failing)
    assert of_kind(path, "settled") == []
    written = asyncio.get_running_loop().create_future()
    desk.journal.settled([Settlement(the_id(1), "done")], written.set_result)
    assert await written is None
    assert len(of_kind(path, "settled")) == 1
    desk.journal.close()


async def test_a_disk_that_fails_on_and_on_is_tried_less_and_less_often(path, clock):
    """Each try needs a new segment; a night of them must not fill the directory."""
    desk = Desk(path, clock)
    desk.disk.broken = True
    with capture_logs() as logs:
        for second in range(300):
            desk.journal.tick()
            clock.advance(1)
            if not second:
                desk.journal._writer._sync()
            await desk.settled(lambda: not desk.journal._writer._fsync_worker._running)
        assert desk.journal.snapshot().sync_failures == 10
        desk.journal.close()
    assert len(files(path)) == 11
    assert [event["event"] for event in logs] == ["journal-failing", "journal-head"]


async def test_continue_sends_although_the_disk_fails(path, clock):
    """Who chose to go on is served, and the intents are in the kernel's hands at least."""
    desk = Desk(path, clock, on_failure="continue")
    desk.disk.broken = True
    await intend(desk.journal, an_intent(1))
    await intend(desk.journal, an_intent(2))
    assert desk.journal.snapshot().failing
    desk.disk.broken = False
    desk.journal.close()
    assert kinds(path) == ["segment", "start", "intent", "segment", "intent", "stop"]
    assert desk.disk.begun == 2, "one that failed, and one at the end"


async def test_whoever_asked_while_a_failing_fsync_ran_is_refused_too():
    """What he wrote went to the same file, and the next fsync would not tell that it was lost."""
    loop = asyncio.get_running_loop()
    results: list[OSError | None] = []
    reader, writer = os.pipe()
    with ThreadPoolExecutor(1) as thread:
        gate = threading.Event()
        thread.submit(gate.wait)
        descriptors = iter([1_000_000, writer])
        syncing = FsyncWorker(lambda: ([next(descriptors)], []), loop, thread, results.append, sync_files)
        first = syncing.begin()
        for _ in range(3):  # turns in which it is asked for, begun and given to the thread
            await asyncio.sleep(0)
        second = syncing.begin()
        await asyncio.sleep(0)
        gate.set()
        assert isinstance(await first, OSError)
        assert await second is await first
        assert await syncing.begin() is None
    assert [type(result) for result in results] == [OSError, type(None)]
    os.close(reader)
    os.close(writer)


async def test_a_fault_in_an_fsync_counts_as_a_disk_that_failed():
    """Nothing is proven by it; who waits is told, the log has the fault, and the next fsync is made."""
    results: list[OSError | None] = []
    with ThreadPoolExecutor(1) as thread, capture_logs() as logs:
        descriptors = iter([[2**70], []])
        syncing = FsyncWorker(
            lambda: (next(descriptors), []), asyncio.get_running_loop(), thread, results.append, sync_files
        )
        async with asyncio.timeout(PATIENCE):
            told = await syncing.begin()
            assert await syncing.begin() is None
    assert told is not None
    assert told.errno == errno.EIO
    assert results == [told, None]
    assert [(entry["event"], entry["error"]) for entry in logs] == [("journal-fault", "OverflowError")]


async def test_a_fault_while_an_fsync_is_judged_leaves_nobody_waiting():
    """Who waits for the disk is told of it, and the loop of the fault."""
    loop = asyncio.get_running_loop()
    faults = []
    loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))

    def judge(error: OSError | None) -> None:
        raise ValueError(error)

    with ThreadPoolExecutor(1) as thread:
        syncing = FsyncWorker(lambda: ([], []), loop, thread, judge, sync_files)
        async with asyncio.timeout(PATIENCE):
            assert await syncing.begin() is None
    assert [type(fault) for fault in faults] == [ValueError]


async def test_an_fsync_that_was_asked_for_in_the_turn_of_the_end_is_made_by_the_end(path, clock):
    """Who waits for it is told, and nothing begins after the journal was closed."""
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    journal = opened(path, clock, fsync="always")
    waiting = asyncio.ensure_future(intend(journal, an_intent(1)))
    for _ in range(2):  # turns in which it is announced, and written
        await asyncio.sleep(0)
    journal.close()
    async with asyncio.timeout(PATIENCE):
        await waiting
    await asyncio.sleep(0)
    assert faults == []
    assert kinds(path) == ["segment", "start", "intent", "stop"]
