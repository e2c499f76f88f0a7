"""A full disk, a journal that may not be written, and the way back: proven with the kernel's own errors."""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from fla_gateway.access.authentication.caller import UNAUTHENTICATED
from fla_gateway.errors import ConfigurationError, ProblemError
from fla_gateway.journal.writer import backlog
from fla_gateway.journal.writer.durable_writer import BRAKE_SECONDS
from tests.support.journal_writer import (
    NOON,
    a_record,
    an_intent,
    audit,
    chained_lines,
    files,
    intend,
    kinds,
    of_kind,
    opened,
    the_id,
)
from tests.support.tokens import HandClock
from tests.support.waiting import eventually


@pytest.fixture
def clock():
    """A clock moved by hand."""
    return HandClock(wall=NOON)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with room for 128 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], check=False).returncode
    ):
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", place], check=True)  # noqa: S607 - mount was found


@contextmanager
def no_file_longer_than(size):
    """Let the kernel refuse to write beyond a size (EFBIG), after the part that still fits."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        # The log goes to a file as well while pytest captures it.
        with capture_logs():
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def refusal(journal, number: int) -> ProblemError | None:
    """Write an intent; give the error if it is refused."""
    try:
        await intend(journal, an_intent(number))
    except ProblemError as error:
        return error
    return None


async def intend_until_refused(journal, most: int = 2_000) -> int:
    """Write intents until one is refused; give how many were not."""
    for number in range(most):
        error = await refusal(journal, number)
        if error is not None:
            assert (error.code, error.retry_after) == ("journal-unavailable", 5)
            return number
    pytest.fail("nothing was refused")


async def test_a_full_disk_refuses_changes_and_loses_nothing(small_disk, clock):
    """Each intent that was accepted is on file, none that was refused; what else happened is written later."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 60_000)
    with capture_logs() as logs:
        journal = opened(small_disk / "journal", clock)
        accepted = await intend_until_refused(journal)
        assert accepted > 20
        assert len(of_kind(small_disk / "journal", "intent")) == accepted
        for number in range(3):
            journal.exchange(a_record(number))
            await asyncio.sleep(0)
        clock.advance(30)
        journal.tick()
        snapshot = journal.snapshot()
        assert (snapshot.failing, snapshot.failures, snapshot.waiting, snapshot.lost) == (True, 1, 3, 0)
        assert snapshot.oldest_seconds == 30
        ballast.unlink()
        clock.advance(1)
        journal.tick()
        assert journal.snapshot().failing is False
        await intend(journal, an_intent(9_999))
        journal.close()
    assert kinds(small_disk / "journal")[accepted + 2 :] == [*["outcome"] * 3, "lost", "intent", "stop"]
    (trouble,) = of_kind(small_disk / "journal", "lost")
    assert (trouble["since"], trouble["intents"], trouble["outcomes"]) == ("2026-11-22T12:00:00.000Z", 0, 0)
    assert trouble["reason"] == "No space left on device"
    told = [event["event"] for event in logs if event["event"] != "journal-head"]
    assert told == ["journal-failing", "journal-recovered"]


async def test_a_half_written_line_is_cut_off_at_once(path, clock):
    """The kernel may take a part of a line before it refuses the rest; a reader never sees it."""
    journal = opened(path, clock)
    await intend(journal, an_intent(1))
    size = files(path)[0].stat().st_size
    for room in (1, 100, 200):
        with no_file_longer_than(size + room), pytest.raises(ProblemError):
            await intend(journal, an_intent(2))
        assert files(path)[0].stat().st_size == size
        clock.advance(BRAKE_SECONDS)
    await intend(journal, an_intent(3))
    journal.close()
    assert [line["id"] for line in of_kind(path, "intent")] == [the_id(1), the_id(3)]


async def test_the_next_intent_tries_again(path, clock):
    """Nobody waits for the clock longer than a tenth of a second: the call that finds room is served."""
    journal = opened(path, clock)
    with no_file_longer_than(files(path)[0].stat().st_size), pytest.raises(ProblemError) as caught:
        await intend(journal, an_intent(1))
    assert "File too large" in caught.value.detail
    assert "Nothing was sent" in caught.value.detail
    with pytest.raises(ProblemError):
        await intend(journal, an_intent(2))
    clock.advance(BRAKE_SECONDS)
    await intend(journal, an_intent(3))
    journal.close()
    assert kinds(path)[2:] == ["lost", "intent", "stop"]


async def test_continue_sends_and_writes_later(path, clock):
    """Who chose to go on gets the intents on file as soon as there is room, in order, and a record of the time."""
    journal = opened(path, clock, on_failure="continue")
    with no_file_longer_than(files(path)[0].stat().st_size):
        await intend(journal, an_intent(1))
        journal.exchange(a_record(1))
        await asyncio.sleep(0)
        await intend(journal, an_intent(2))
        assert journal.snapshot().failing
    clock.advance(1)
    journal.tick()
    journal.close()
    assert kinds(path)[2:] == ["intent", "outcome", "intent", "lost", "stop"]
    assert of_kind(path, "stop")[0]["open"] == 1


async def test_what_becomes_of_requests_follows_the_settings(path, clock):
    """From the next request on, in the middle of a disk's trouble; and a segment ends at its new size."""
    journal = opened(path, clock)
    await intend(journal, an_intent(1))
    with no_file_longer_than(files(path)[0].stat().st_size):
        with pytest.raises(ProblemError):
            await intend(journal, an_intent(2))
        journal.follow_settings(audit(path, on_failure="continue", segment_bytes=65_536))
        await intend(journal, an_intent(3))
    clock.advance(BRAKE_SECONDS)
    for number in range(4, 300):
        await intend(journal, an_intent(number))
    journal.close()
    assert the_id(3) in {it.get("id") for it in chained_lines(path)}
    assert len(files(path)) > 1


async def test_an_fsync_that_is_asked_for_from_now_on_covers_what_was_written_before(path, clock):
    """And from now on each intent waits for its own."""
    journal = opened(path, clock)
    await intend(journal, an_intent(1))
    assert journal.snapshot().syncs == 0
    journal.follow_settings(audit(path, fsync="always"))
    await eventually(lambda: journal.snapshot().syncs == 1)
    await intend(journal, an_intent(2))
    assert journal.snapshot().syncs == 2
    journal.close()


@pytest.mark.parametrize("on_failure", ["refuse", "continue"])
async def test_what_waits_is_bounded_and_what_is_lost_is_counted(path, clock, on_failure):
    """A disk that stays full costs no memory without end, and the journal says later how much is missing."""
    journal = opened(path, clock, on_failure=on_failure)
    with no_file_longer_than(files(path)[0].stat().st_size):
        for number in range(backlog.MOST + 7):
            journal.exchange(a_record(number, method=b"GET"))
        await asyncio.sleep(0)
        if on_failure == "continue":
            await intend(journal, an_intent(1))
        snapshot = journal.snapshot()
        assert (snapshot.waiting, snapshot.lost) == (backlog.MOST, 7 + (on_failure == "continue"))
    clock.advance(1)
    journal.tick()
    assert journal.snapshot().waiting == 0
    journal.close()
    lines = chained_lines(path)
    assert sum(line["record"] == "outcome" for line in lines) == backlog.MOST
    assert (lines[-2]["record"], lines[-2]["outcomes"]) == ("lost", 7)
    assert lines[-2]["intents"] == (on_failure == "continue")


async def test_a_gateway_starts_on_a_full_disk(path, clock):
    """Reading calls are answered; the start, and the repair of what a crash left, are recorded as soon as possible."""
    opened(path, clock).close()
    file = files(path)[0]
    file.write_bytes(file.read_bytes()[:-5])
    with no_file_longer_than(0):
        journal = opened(path, clock)
        with pytest.raises(ProblemError):
            await intend(journal, an_intent(1))
    clock.advance(1)
    journal.tick()
    await intend(journal, an_intent(2))
    journal.close()
    assert kinds(path) == ["segment", "start", "repair", "start", "lost", "intent", "stop"]


async def test_a_new_segment_that_cannot_be_begun_leaves_nothing_behind(path, clock):
    """The open segment stays the last one, until the next can have its first line."""
    journal = opened(path, clock)
    clock.advance(86_400)
    with no_file_longer_than(100):
        with pytest.raises(ProblemError):
            await intend(journal, an_intent(1))
        assert len(files(path)) == 1
    clock.advance(1)
    await intend(journal, an_intent(2))
    journal.close()
    assert [file.name for file in files(path)] == ["00000001-20261122.jsonl", "00000002-20261123.jsonl"]
    assert kinds(path) == ["segment", "start", "segment", "lost", "intent", "stop"]


async def test_a_directory_that_is_gone_is_trouble_too(path, clock):
    """Without a place to write, changing requests are refused; they never go on unrecorded."""
    journal = opened(path, clock)
    shutil.rmtree(path)
    with capture_logs() as logs:
        journal.tick()
        with pytest.raises(ProblemError):
            await intend(journal, an_intent(1))
        journal.close()
    assert [event["event"] for event in logs] == [
        "journal-removed", "journal-failing", "journal-incomplete", "journal-head"
    ]  # fmt: skip


async def test_strangers_are_added_up_while_nothing_can_be_written(path, clock):
    """They fill neither the disk nor, while it is full, the room for what waits."""
    journal = opened(path, clock)
    with no_file_longer_than(files(path)[0].stat().st_size):
        with pytest.raises(ProblemError):
            await intend(journal, an_intent(1))
        for _ in range(5):
            journal.exchange(a_record(1, profile="", admission=UNAUTHENTICATED, code="credentials-missing"))
            await asyncio.sleep(0)
            clock.advance(61)
            journal.tick()
        assert journal.snapshot().waiting == 0
    clock.advance(61)
    journal.tick()
    journal.close()
    assert [line["counts"] for line in of_kind(path, "strangers")] == [{"credentials-missing": 5}]


def protect(disk):
    """Let nothing more be written to a file system."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)  # noqa: S607 - the fixture found it


async def test_a_read_only_file_system_is_told_at_the_start(small_disk, clock):
    """It is no passing trouble: the gateway does not start, and says what is the matter."""
    opened(small_disk / "journal", clock).close()
    protect(small_disk)
    with pytest.raises(ConfigurationError, match="mounted read-only"):
        opened(small_disk / "journal", clock)
