"""Callers notice nothing: neither of configurations that change, valid or faulty, nor of a process that is replaced."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from tests.reliability.callers import SteadyCaller
from tests.reliability.rig import Rig, rig
from tests.reliability.steps import SHORT, Step, alternating, ways
from tests.support.waiting import eventually

WARM_UP = 120
"""Calls of each caller before the first reload: the memories of requests are bounded, and full by then."""
ALLOWED_GROWTH = {10: 5_000_000, 60: 2_000_000}
"""Bytes that the process may grow by after so many reloads; docs/reliability.md has what was measured."""


async def reload_under_load(
    folder: Path, steps: Iterable[Step], *, callers: int, drain_delay: int, restarts: int, warm_up: int = 1
) -> None:
    """Go through the steps while callers work, replace the process, and judge what all sides saw."""
    names = [f"caller-{number}" for number in range(callers)]
    async with rig(folder, names, drain_delay=drain_delay, watch=True) as it:
        working = it.begin(names)
        await calls_of_all(working, warm_up)
        began = time.monotonic()
        for step, way in zip(steps, ways(), strict=False):
            await calls_of_all(working)
            await step(it, way)
        # A key that was broken meanwhile would be none for a process that has not had the one before.
        it.scene.rotate_other()
        for _ in range(restarts):
            await calls_of_all(working)
            await it.restart()
        await calls_of_all(working)
        seconds = time.monotonic() - began
        await it.end_load()
        report(it, working, seconds)
        judge(it, working)


async def calls_of_all(working: list[SteadyCaller], number: int = 1) -> None:
    """Wait until each caller has begun so many further calls."""
    for _ in range(number):
        before = [it.begun for it in working]
        await eventually(lambda: all(it.begun > former for it, former in zip(working, before, strict=True)))  # noqa: B023 - awaited within the turn


def judge(it: Rig, working: list[SteadyCaller]) -> None:
    """Hold what callers, API and journal saw against what must hold."""
    assert it.witness.failures == [], (len(it.witness.failures), it.process.output[-2000:])
    assert it.government.violations == []
    posts = {nonce: count for nonce, count in it.government.arrivals.items() if int(nonce.rpartition("-")[2]) % 2 == 0}
    assert {nonce: count for nonce, count in posts.items() if count != 1} == {}
    assert it.witness.answered.keys() - it.government.arrivals.keys() == set()
    assert it.late, "the revoked caller has not called"
    assert [nonce for nonce in it.late if it.government.arrivals[nonce]] == []
    for number, limit in ALLOWED_GROWTH.items():
        since = it.resident[number - 1 :]
        assert not since or max(since) - since[0] < limit, it.resident
    assert sum(caller.begun for caller in working) == sum(
        count for nonce, count in it.witness.answered.items() if not nonce.startswith("leaver")
    )
    verdict = verify(read_segments(it.scene.journal, segments_of(it.scene.journal)))
    assert (verdict.count, verdict.findings) == (0, [])


def report(it: Rig, working: list[SteadyCaller], seconds: float) -> None:
    """Print the figures of docs/reliability.md; seen with -s alone."""
    begun = [caller.begun for caller in working]
    applied = sum(result for _, result in it.reloads)
    print([round(one / 1e6, 1) for one in it.resident[9::10]])  # noqa: T201 - see above
    print(  # noqa: T201 - see above
        f"\n{len(working)} callers, {sum(begun)} calls in {seconds:.0f} s (each {min(begun) / seconds:.1f} to"
        f" {max(begun) / seconds:.1f} a second), {it.witness.connections} connections; {applied} reloads applied,"
        f" {len(it.reloads) - applied} refused; failed {len(it.witness.failures)}, slowest {it.witness.slowest:.2f} s;"
        f" {len(it.late)} calls of the revoked caller, none forwarded"
    )


def test_ten_reloads_and_a_restart_lose_no_call(tmp_path: Path) -> None:
    """Eight callers, ten reloads by every way, one restart under socket activation."""
    asyncio.run(reload_under_load(tmp_path, SHORT, callers=8, drain_delay=1, restarts=1))


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_a_hundred_reloads_and_three_restarts_lose_no_call(tmp_path: Path) -> None:
    """As the short run, with 32 callers and every kind of change again and again."""
    steps = itertools.islice(alternating(), 100)
    asyncio.run(reload_under_load(tmp_path, steps, callers=32, drain_delay=3, restarts=3, warm_up=WARM_UP))
