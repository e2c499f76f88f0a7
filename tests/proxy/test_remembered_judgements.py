"""The gate remembers whom it let in, head for head: never longer than the proof and the permission hold."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.proxy.test_callers import CALLERS, KEY, OTHER
from tests.support.raw_http import get

POLL = get("/employer/REST/dimona/v2/x", f"X-Api-Key: {KEY}")
ELSEWHERE = get("/employer/REST/other", f"X-Api-Key: {KEY}")


def soon(seconds=600):
    """Write a moment that many seconds from now."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat(timespec="seconds")


async def statuses(rig, *requests):
    """Send requests on one connection, one after the other; give the status codes."""
    caller = await rig.caller()
    found = []
    for request in requests:
        await caller.send(request)
        found.append((await caller.answer()).status)
    return found


async def test_a_polled_request_is_refused_as_soon_as_the_key_has_expired(start):
    """The very bytes that were let in a moment ago are refused after the end of the key."""
    rig = await start(more=CALLERS.replace("2099-12-31", soon()))
    assert await statuses(rig, POLL, POLL) == [200, 200]
    rig.clock.advance(601)
    assert await statuses(rig, POLL) == [401]


async def test_a_polled_request_is_refused_as_soon_as_the_observation_is_over(start):
    """What no entry permits is let through until `observe_until`, and not a second longer."""
    rig = await start(more=CALLERS.replace("[callers.payroll]", f"[callers.payroll]\nobserve_until = {soon()}"))
    assert await statuses(rig, ELSEWHERE, ELSEWHERE) == [200, 200]
    rig.clock.advance(601)
    assert await statuses(rig, ELSEWHERE) == [403]


@pytest.mark.parametrize(
    "asked",
    [
        get("/employer/REST/dimona/v2/x", f"X-Api-Key: {OTHER}"),
        get("/employer/REST/dimona/v2/x"),
        get("/second/REST/dimona/v2/x", f"X-Api-Key: {KEY}"),
        get("/employer/REST/dimona/v2/x", f"X-Api-Key: {KEY}", method="DELETE"),
        get("/employer/REST/dimona/v2/x", f"X-Api-Key: {KEY}", f"Authorization: Bearer {OTHER}"),
        ELSEWHERE,
    ],
)
async def test_what_was_let_in_opens_no_door_for_what_merely_looks_like_it(start, asked):
    """Another key, no key, another profile, method or path, or a second key beside: each is judged by itself."""
    rig = await start(more=CALLERS)
    first, second, third = await statuses(rig, POLL, asked, POLL)
    assert (first, third) == (200, 200)
    assert second in {400, 401, 403}


async def test_a_limit_is_asked_each_time(start):
    """What is remembered is who may send it, not that there is room: of polls in a row the last must wait."""
    limited = CALLERS.replace("[callers.payroll.allow]", "limits = { per_second = 1 }\n[callers.payroll.allow]")
    rig = await start(more=limited)
    found = await statuses(rig, *[POLL] * 4)
    assert found[0] == 200
    assert found[-1] == 429
    rig.clock.advance(2)
    assert await statuses(rig, POLL) == [200]
