"""A transient failure of the token server is waited through; one that is certain is answered at once."""

from __future__ import annotations

import asyncio

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.tokens.cache import TokenCache
from fla_gateway.tokens.refresher import Refresher
from tests.support.tokens import ScriptedSource, credentials_refused, token_request, unreachable

TRANSIENT = [
    unreachable(),
    unreachable(retry_after=3),
    ProblemError("token-timeout", Text("late")),
    ProblemError("token-failed", Text("503")),
    ProblemError("token-throttled", Text("429"), 5),
    ProblemError("token-malformed", Text("broke off"), transient=True),
]
CERTAIN = [
    credentials_refused(),
    ProblemError("token-malformed", Text("no JSON")),
    ProblemError("token-unsigned", Text("no key")),
    ProblemError("token-unreachable", Text("certificate not trusted"), transient=False),
    ProblemError("token-failed", Text("404"), transient=False),
    RuntimeError("a fault of ours"),
]
TOO_LONG = [unreachable(retry_after=30), ProblemError("token-throttled", Text("429"), 9)]


async def hold(source):
    """Wait until the source was asked once more, and nothing else is left to do."""
    source.asked.clear()
    await source.asked.wait()


@pytest.mark.parametrize("failure", TRANSIENT, ids=lambda it: f"{it.code}-{it.retry_after}")
async def test_a_crowd_waits_through_a_failure_that_may_pass(cache, source, failure):
    """Fifty calls meet a failure, wait through the back-off together, and share the token of the second attempt."""
    source.script.append(failure)
    entry = cache.entry(token_request())
    tokens = await asyncio.gather(*(entry.obtain() for _ in range(50)))
    assert {token.value.reveal() for token in tokens} == {"token-2"}
    assert source.fetches == 2


@pytest.mark.parametrize("failure", [*CERTAIN, *TOO_LONG], ids=repr)
async def test_a_certain_or_long_failure_is_answered_at_once(cache, source, clock, failure):
    """Calls do not wait where waiting is in vain: the first answer is theirs, with Retry-After."""
    source.script.append(failure)
    entry = cache.entry(token_request())
    for outcome in await asyncio.gather(*(entry.obtain() for _ in range(5)), return_exceptions=True):
        assert isinstance(outcome, ProblemError)
        assert (outcome.retry_after or 0) >= 1
    assert source.fetches == 1
    assert clock.monotonic() == 1000.0


async def test_a_dead_token_server_costs_eight_seconds_and_no_request_more(source, clock):
    """However many calls wait, the attempts are those of the back-off that runs without any."""
    counts = []
    for calls in (0, 1, 50):
        cache, begun = TokenCache(source, clock, random=lambda: 0.5), source.fetches
        source.script.extend(unreachable() for _ in range(100))
        entry = cache.entry(token_request())
        loop = asyncio.create_task(Refresher(cache, clock).run())
        began = clock.monotonic()
        outcomes = await asyncio.gather(*(entry.obtain() for _ in range(calls)), return_exceptions=True)
        assert all(isinstance(outcome, ProblemError) for outcome in outcomes)
        assert clock.monotonic() - began <= 8.001
        await asyncio.sleep(began + 8.001 - clock.monotonic())
        counts.append(source.fetches - begun)
        loop.cancel()
        await cache.close()
    assert len(set(counts)) == 1


async def test_a_call_during_a_back_off_joins_it_if_it_ends_in_time(cache, source, clock):
    """With 8 s of patience a back-off that has 7 s left is waited through, one with 9 s is not."""
    source.script.append(unreachable(retry_after=20))
    entry = cache.entry(token_request())
    with pytest.raises(ProblemError):
        await entry.obtain()
    clock.advance(11)
    with pytest.raises(ProblemError) as caught:
        await entry.obtain()
    assert (caught.value.code, caught.value.retry_after) == ("token-unreachable", 9)
    clock.advance(2)
    assert (await entry.obtain()).value.reveal() == "token-2"


async def test_the_first_attempt_that_calls_wait_for_is_short_and_later_ones_are_not(cache, source, clock):
    """The first is limited to 3.5 s; the next ones of the same streak have the source's own time; a token resets it."""
    source.script.extend([unreachable(), unreachable(), 60.0, 60.0])
    entry = cache.entry(token_request())
    await entry.obtain()
    assert source.limits == [3.5, None, None]
    clock.advance(3600)
    await entry.obtain()
    assert source.limits == [3.5, None, None, 3.5]


async def test_an_attempt_ahead_of_calls_has_its_whole_time_until_one_joins(cache, source, clock):
    """A hung attempt that was begun without a call ends 3.5 s after the first call that waits for it."""
    entry = cache.entry(token_request())
    source.gate.clear()
    entry.renew(clock.monotonic())
    await asyncio.sleep(2)
    call = asyncio.create_task(entry.obtain())
    await asyncio.sleep(3.4)
    assert source.fetches == 1
    await hold(source)
    assert 3.5 <= clock.monotonic() - 1002.0 <= 4.5
    source.gate.set()
    assert (await call).value.reveal() == "token-2"
    assert source.limits == [None, None]


async def test_a_hung_attempt_leaves_time_for_a_second_one(source, clock):
    """A source that hangs once costs the waiting calls 3.5 s and a back-off, not their token."""

    class HangsOnce(ScriptedSource):
        async def fetch(self, request, *, seconds=None):
            if not self.requests:
                self.requests.append(request)
                await asyncio.sleep(seconds)
                raise ProblemError("token-timeout", Text("late"))
            return await super().fetch(request, seconds=seconds)

    cache = TokenCache(HangsOnce(clock), clock, random=lambda: 0.0)
    assert (await cache.entry(token_request()).obtain()).value.reveal() == "token-2"
    assert clock.monotonic() - 1000.0 < 4
    await cache.close()


async def test_a_call_that_runs_out_of_time_during_an_attempt_learns_why(cache, source):
    """Where the second attempt does not end in time either, the answer names the failure of the first."""
    source.script.append(unreachable())
    entry = cache.entry(token_request())
    call = asyncio.create_task(entry.obtain())
    await hold(source)
    source.gate.clear()
    await hold(source)
    with pytest.raises(ProblemError) as caught:
        await call
    assert (caught.value.code, caught.value.retry_after) == ("token-timeout", 1)
    assert "connection refused" in caught.value.detail
    source.gate.set()


async def test_a_waiter_that_is_cancelled_in_a_back_off_takes_nothing_along(cache, source):
    """A caller that goes while it waits through a back-off causes no request and disturbs no other call."""
    source.script.append(unreachable(retry_after=3))
    entry = cache.entry(token_request())
    gone, stays = asyncio.create_task(entry.obtain()), asyncio.create_task(entry.obtain())
    await asyncio.sleep(1)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert (await stays).value.reveal() == "token-2"
    assert source.fetches == 2


async def test_when_every_waiter_has_gone_nothing_more_is_asked_for_them(cache, source):
    """Calls that were cancelled in the back-off leave no timer behind that would fetch in their name."""
    source.script.append(unreachable(retry_after=3))
    entry = cache.entry(token_request())
    calls = [asyncio.create_task(entry.obtain()) for _ in range(3)]
    await asyncio.sleep(1)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    await asyncio.sleep(60)
    assert source.fetches == 1


async def test_the_end_of_the_gateway_ends_the_wait(cache, source, clock):
    """Calls that wait through a back-off when the cache is closed are answered at once, as stopping."""
    source.script.append(unreachable(retry_after=7))
    entry = cache.entry(token_request())
    calls = [asyncio.create_task(entry.obtain()) for _ in range(3)]
    await asyncio.sleep(1)
    await cache.close()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, ProblemError)
        assert outcome.code == "stopping"
    assert clock.monotonic() == 1001.0
    assert source.fetches == 1


async def test_the_end_of_the_gateway_in_the_turn_of_the_call(cache, source, clock):
    """A fetch that is cancelled before its first step keeps no call waiting."""
    entry = cache.entry(token_request())
    entry.renew(clock.monotonic())
    call = asyncio.create_task(entry.obtain())
    await cache.close()
    with pytest.raises(ProblemError) as caught:
        await call
    assert caught.value.code == "stopping"
    assert (clock.monotonic(), source.fetches) == (1000.0, 0)


async def test_a_call_that_joins_as_an_attempt_is_given_up_waits_for_the_next(source, clock):
    """A call that comes in the very turn in which a hung attempt ends is served by the second one."""
    cache = TokenCache(source, clock, random=lambda: 0.0, fetch_seconds=5)
    entry = cache.entry(token_request())
    source.gate.clear()
    entry.renew(clock.monotonic())
    joined: list[asyncio.Task[object]] = []
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(5, lambda: joined.append(asyncio.ensure_future(entry.obtain())))
    await hold(source)
    source.gate.set()
    assert await joined[0] is entry.current(clock.monotonic())
    await cache.close()


async def test_a_machine_that_slept_wakes_the_waiters_with_the_next_attempt(cache, source, clock):
    """The back-off ends during the sleep: the waiting call gets the token of the attempt that the refresher starts."""
    source.script.append(unreachable(retry_after=7))
    entry = cache.entry(token_request())
    call = asyncio.create_task(entry.obtain())
    await asyncio.sleep(1)
    clock.advance(3600)
    loop = asyncio.create_task(Refresher(cache, clock).run())
    began = clock.monotonic()
    assert (await call).value.reveal() == "token-2"
    assert clock.monotonic() - began < 1
    assert source.fetches == 2
    loop.cancel()
