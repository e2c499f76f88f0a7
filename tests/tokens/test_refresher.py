from __future__ import annotations

import asyncio

import pytest
import structlog

from fla_gateway.tokens.cache import TokenCache
from fla_gateway.tokens.refresher import Refresher
from tests.support.tokens import HandClock, token_request, unreachable
from tests.support.waiting import PATIENCE


@pytest.fixture
async def refresher(cache, clock):
    """A refresher that runs for the length of a test."""
    refresher = Refresher(cache, clock)
    loop = asyncio.create_task(refresher.run())
    yield refresher
    loop.cancel()
    await asyncio.wait((loop,))
    assert loop.cancelled()


async def asked(source, times):
    """Wait until the source was asked so many times."""
    async with asyncio.timeout(PATIENCE):
        while source.fetches < times:
            source.asked.clear()
            await source.asked.wait()


async def test_every_entry_is_warmed_without_traffic(cache, source, refresher):
    """Entries that exist at the start and entries made later get their token before anybody asks."""
    cache.entry(token_request())
    cache.entry(token_request("simulation"))
    await asked(source, 2)
    cache.entry(token_request("acceptance"))
    await asked(source, 3)
    assert [request.environment for request in source.requests] == ["production", "simulation", "acceptance"]


async def test_a_stale_token_is_renewed_without_traffic(cache, source, clock, refresher):
    """After the soft deadline the loop fetches the next token once it looks."""
    entry = cache.entry(token_request())
    await asked(source, 1)
    await entry.obtain()
    clock.advance(1800)
    cache.changed.set()
    await asked(source, 2)
    assert (await entry.obtain()).value is not None


async def test_the_loop_wakes_by_itself_at_the_deadline(source):
    """Nobody wakes the loop: it sleeps until the back-off is over and then tries again."""
    real = _LoopClock()
    source.clock = real
    source.script.append(unreachable())
    own = TokenCache(source, real, random=lambda: 0.0)
    entry = own.entry(token_request())
    loop = asyncio.create_task(Refresher(own, real).run())
    await asked(source, 2)
    assert (await entry.obtain()).value.reveal() == "token-2"
    loop.cancel()
    await asyncio.wait((loop,))
    await own.close()


async def test_failures_never_end_the_loop(cache, source, clock, refresher):
    """Every kind of failure leaves the loop running, until in the end there is a token."""
    source.script.extend([unreachable(), RuntimeError("unexpected"), unreachable()])
    entry = cache.entry(token_request())
    for times in range(1, 5):
        await asked(source, times)
        while entry._task is not None:
            await asyncio.wait((entry._task,))
        clock.advance(61)
        cache.changed.set()
    assert (await entry.obtain()).value.reveal() == "token-4"


async def test_sleep_of_the_machine_is_noticed(cache, source, clock, refresher):
    """When the clock runs ahead of the loop's, the loop looks at everything at once and says what it noticed."""
    entry = cache.entry(token_request())
    await asked(source, 1)
    await entry.obtain()
    with structlog.testing.capture_logs() as events:
        clock.advance(3700)
        cache.changed.set()
        await asked(source, 2)
    (event,) = [event for event in events if event["event"] == "resumed-after-sleep"]
    assert event["seconds"] == pytest.approx(3700, abs=2)


class _LoopClock(HandClock):
    def monotonic(self):
        return asyncio.get_running_loop().time()
