from __future__ import annotations

import asyncio
import gc
from dataclasses import replace

import pytest
import structlog

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.problems import PROBLEMS
from fla_gateway.tokens.cache import TokenCache
from tests.support.tokens import ScriptedSource, credentials_refused, token_request, unreachable


async def settle(entry):
    """Wait until the entry's fetch is over."""
    while entry._task is not None:
        await asyncio.wait((entry._task,))


async def test_current_is_synchronous_and_gives_the_same_object(cache, clock):
    """While the token is fresh, `current` gives the very same object, and before the first fetch nothing."""
    entry = cache.entry(token_request())
    assert entry.current(clock.monotonic()) is None
    token = await entry.obtain()
    assert entry.current(clock.monotonic()) is token
    assert await entry.obtain() is token


async def test_equal_requests_share_an_entry_and_environments_never_do(cache):
    """Simulation and production use one token server and yet share no entry, nor do other keys, scopes or clients."""
    entry = cache.entry(token_request())
    assert cache.entry(token_request()) is entry
    others = [
        token_request("simulation"),
        token_request(client_id="other"),
        token_request(scope=("scope:dimona",)),
        token_request(key="spare"),
    ]
    assert len({id(cache.entry(other)) for other in others} | {id(entry)}) == 5


async def test_a_crowd_causes_one_fetch(cache, source):
    """A hundred requests without a token wait for the same fetch and get the same token."""
    entry = cache.entry(token_request())
    source.gate.clear()
    crowd = [asyncio.create_task(entry.obtain()) for _ in range(100)]
    await source.asked.wait()
    source.gate.set()
    tokens = await asyncio.gather(*crowd)
    assert source.fetches == 1
    assert len({id(token) for token in tokens}) == 1


async def test_a_cancelled_waiter_takes_nobody_along(cache, source):
    """The fetch goes on when the waiter that caused it is cancelled, and the others get their token."""
    entry = cache.entry(token_request())
    source.gate.clear()
    first = asyncio.create_task(entry.obtain())
    await source.asked.wait()
    second = asyncio.create_task(entry.obtain())
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.gate.set()
    assert (await second).value.reveal() == "token-1"
    assert source.fetches == 1


async def test_a_stale_token_is_used_while_one_refresh_runs(cache, source, clock):
    """Past the soft deadline every call gets the old token at once, and exactly one fetch runs beside them."""
    entry = cache.entry(token_request())
    old = await entry.obtain()
    clock.advance(1800)
    source.gate.clear()
    assert all(entry.current(clock.monotonic()) is old for _ in range(10))
    assert await entry.obtain() is old
    source.gate.set()
    await settle(entry)
    assert source.fetches == 2
    assert entry.current(clock.monotonic()).value.reveal() == "token-2"


@pytest.mark.parametrize("lifetime", [0, 1, 30, 60, 600, 3600])
async def test_no_lifetime_means_one_fetch_per_request(cache, source, clock, lifetime):
    """Requests that follow one another within a moment share a token, whatever its lifetime."""
    source.lifetime = float(lifetime)
    entry = cache.entry(token_request())
    for _ in range(100):
        await entry.obtain()
        clock.advance(0.004)
    assert source.fetches == 1


@pytest.mark.parametrize(
    ("lifetime", "usable"), [(0, 1.0), (1, 1.0), (30, 27.0), (60, 54.0), (600, 590.0), (3600, 3590.0)]
)
async def test_a_dead_token_server_is_invisible_until_the_hard_deadline(cache, source, clock, lifetime, usable):
    """With every refresh failing, the token is given until just before its end, and not a moment longer."""
    source.lifetime = float(lifetime)
    entry = cache.entry(token_request())
    token = await entry.obtain()
    source.script.extend(unreachable() for _ in range(1000))
    born = clock.monotonic()
    for _ in range(20):
        clock.advance(usable / 20 - 1e-6)
        assert entry.current(clock.monotonic()) is token
        await settle(entry)
    clock.advance(born + usable - clock.monotonic())
    assert entry.current(clock.monotonic()) is None


async def test_a_failure_starts_a_back_off_with_the_reason(cache, source, clock):
    """While a back-off outlasts their patience, calls fail at once with the last reason and Retry-After."""
    entry = cache.entry(token_request())
    source.script.append(unreachable(retry_after=20))
    for expected in (20, 20):
        with pytest.raises(ProblemError) as caught:
            await entry.obtain()
        assert (caught.value.code, caught.value.retry_after) == ("token-unreachable", expected)
        assert "connection refused" in caught.value.detail
    clock.advance(11.5)
    with pytest.raises(ProblemError) as caught:
        await entry.obtain()
    assert caught.value.retry_after == 9
    assert source.fetches == 1
    clock.advance(8.5)
    assert (await entry.obtain()).value.reveal() == "token-2"
    assert entry.snapshot().backoff_seconds == 0


async def test_retry_after_is_at_least_one(cache, source):
    """Even the shortest back-off has the caller wait a second, never zero."""
    entry = cache.entry(token_request())
    source.script.append(ProblemError("token-unsigned", Text("The key cannot sign.")))
    with pytest.raises(ProblemError) as caught:
        await entry.obtain()
    assert caught.value.retry_after == 1


async def test_the_same_exception_object_is_never_raised_twice(cache, source):
    """Each call gets an error of its own, so that tracebacks of strangers do not pile up in it."""
    entry = cache.entry(token_request())
    source.script.append(unreachable(retry_after=9))
    seen = []
    for _ in range(2):
        with pytest.raises(ProblemError) as caught:
            await entry.obtain()
        seen.append(caught.value)
    assert seen[0] is not seen[1]


async def test_waiting_is_limited_and_the_fetch_goes_on(source, clock):
    """Whoever waited long enough gets 503 with Retry-After; the fetch is not disturbed and serves the next one."""
    cache = TokenCache(source, clock, random=lambda: 0.0, wait_seconds=0.02)
    entry = cache.entry(token_request())
    source.gate.clear()
    with pytest.raises(ProblemError) as caught:
        await entry.obtain()
    assert (caught.value.code, caught.value.retry_after) == ("token-timeout", 1)
    source.gate.set()
    await settle(entry)
    assert (await entry.obtain()).value.reveal() == "token-1"
    assert source.fetches == 1
    await cache.close()


async def test_a_mistake_of_ours_does_not_wedge_the_entry_nor_shows_its_text(cache, source, clock):
    """An unexpected exception becomes a problem without its text, and after the back-off the entry works again."""
    entry = cache.entry(token_request())
    source.script.append(RuntimeError("canary-secret"))
    with structlog.testing.capture_logs() as events, pytest.raises(ProblemError) as caught:
        await entry.obtain()
    assert caught.value.code == "token-failed"
    assert "RuntimeError" in caught.value.detail
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__} {events}"
    clock.advance(1)
    assert (await entry.obtain()).value.reveal() == "token-2"


async def test_a_source_that_never_returns_does_not_wedge_the_entry(source, clock):
    """A hung fetch is given up, and the next one serves."""
    cache = TokenCache(source, clock, random=lambda: 0.0, fetch_seconds=30)
    entry = cache.entry(token_request())
    source.gate.clear()
    entry.renew(clock.monotonic())
    await settle(entry)
    assert entry.snapshot().mints == {"token-timeout": 1}
    source.gate.set()
    assert (await entry.obtain()).value.reveal() == "token-2"
    await cache.close()


async def test_refused_credentials_alarm_once_per_streak(cache, source, clock):
    """The first refusal is logged as an error, the next ones as warnings, and a success ends the streak."""
    entry = cache.entry(token_request())
    source.script.extend([credentials_refused(), credentials_refused(), 60.0, credentials_refused()])
    with structlog.testing.capture_logs() as events:
        for _ in range(4):
            entry.renew(clock.monotonic())
            await settle(entry)
            clock.advance(400)
    assert [event["log_level"] for event in events] == ["error", "warning", "info", "error"]
    assert events[0]["retry_in_seconds"] == 10


async def test_one_entry_s_back_off_is_not_another_s(cache, source):
    """A refusal in simulation costs production nothing, although the token server is the same."""
    source.script.append(credentials_refused())
    with pytest.raises(ProblemError):
        await cache.entry(token_request("simulation")).obtain()
    assert (await cache.entry(token_request()).obtain()).value.reveal() == "token-2"


async def test_a_late_401_never_evicts_a_newer_token(cache, clock):
    """A refusal of a token that is no longer in use discards nothing and says that a newer one is there."""
    entry = cache.entry(token_request())
    old = await entry.obtain()
    assert entry.refused(old, "employer", "dimona", clock.monotonic())
    assert entry.current(clock.monotonic()) is None
    new = await entry.obtain()
    assert entry.refused(old, "employer", "dimona", clock.monotonic())
    assert entry.current(clock.monotonic()) is new


async def test_a_service_that_refuses_fresh_tokens_is_braked_and_the_others_keep_theirs(cache, source, clock):
    """The second token that one service refuses stays, for the sake of the services that accept it."""
    entry = cache.entry(token_request())
    first = await entry.obtain()
    with structlog.testing.capture_logs() as events:
        assert entry.refused(first, "employer", "broken", clock.monotonic())
        second = await entry.obtain()
        assert not entry.refused(second, "employer", "broken", clock.monotonic())
        clock.advance(5)
        assert not entry.refused(second, "employer", "broken", clock.monotonic())
        assert not entry.refused(first, "employer", "broken", clock.monotonic())
    assert entry.current(clock.monotonic()) is second
    assert [event["event"] for event in events] == ["token-discarded", "token-minted", "token-braked"]
    assert entry.refused(second, "employer", "dimona", clock.monotonic())
    assert source.fetches == 2


async def test_a_storm_of_refusals_costs_two_fetches(cache, source, clock):
    """Fifty concurrent 401s for one token lead to one new token, and fifty more for that one to none."""
    entry = cache.entry(token_request())
    first = await entry.obtain()
    assert all(entry.refused(first, "employer", "dimona", clock.monotonic()) for _ in range(50))
    tokens = await asyncio.gather(*(entry.obtain() for _ in range(50)))
    assert not any(entry.refused(token, "employer", "dimona", clock.monotonic()) for token in tokens)
    assert source.fetches == 2


async def test_during_a_back_off_a_refused_token_stays_for_the_others(cache, source, clock):
    """While no other token can be had, a 401 discards nothing, but has the token renewed as soon as possible."""
    entry = cache.entry(token_request())
    token = await entry.obtain()
    clock.advance(1800)
    source.script.append(unreachable(retry_after=30))
    entry.renew(clock.monotonic())
    await settle(entry)
    assert not entry.refused(token, "employer", "dimona", clock.monotonic())
    assert entry.current(clock.monotonic()) is token
    clock.advance(30)
    assert entry.current(clock.monotonic()) is token
    await settle(entry)
    assert entry.current(clock.monotonic()) is not token


async def test_a_late_401_without_a_way_to_another_token_says_so(cache, source, clock):
    """After a discard whose fetch failed, a late 401 is told that asking again makes no sense."""
    entry = cache.entry(token_request())
    token = await entry.obtain()
    entry.refused(token, "employer", "dimona", clock.monotonic())
    source.script.append(unreachable(retry_after=30))
    with pytest.raises(ProblemError):
        await entry.obtain()
    assert not entry.refused(token, "employer", "dimona", clock.monotonic())


async def test_snapshots_count_results_and_hold_no_token(cache, source, clock):
    """A snapshot shows state, ages and results, and the token's text nowhere."""
    entry = cache.entry(token_request())
    assert (entry.snapshot().state, entry.snapshot().age_seconds) == ("none", None)
    source.script.extend([unreachable(), 60.0])
    for _ in range(2):
        entry.renew(clock.monotonic())
        await settle(entry)
        clock.advance(1)
    (shot,) = cache.snapshots()
    assert shot.mints == {"token-unreachable": 1, "ok": 1}
    assert (shot.state, shot.age_seconds, shot.expires_in_seconds) == ("fresh", 1.0, 59.0)
    assert entry.current(clock.monotonic()) is not None
    clock.advance(40)
    assert entry.snapshot().state == "stale"
    clock.advance(40)
    assert entry.snapshot().state == "expired"
    assert "token-2" not in repr(shot)


async def test_entries_that_fail_are_found_alone(cache, source, clock):
    """Until the next good attempt; alerts look for them each minute, among a thousand entries."""
    cache.entry(token_request("other"))
    entry = cache.entry(token_request())
    assert cache.failing() == ()
    source.script.extend([unreachable(), 60.0])
    entry.renew(clock.monotonic())
    await settle(entry)
    assert [it.request for it in cache.failing()] == [entry.request]
    clock.advance(60)
    entry.renew(clock.monotonic())
    await settle(entry)
    assert cache.failing() == ()


async def test_a_snapshot_tells_of_the_last_failure_and_the_next_renewal(cache, source, clock):
    """A failure is told with its age, also after it was made good; the next attempt is foretold with and without."""
    entry = cache.entry(token_request())
    source.script.extend([unreachable(retry_after=20), 600.0])
    entry.renew(clock.monotonic())
    await settle(entry)
    clock.advance(5)
    failing = entry.snapshot()
    assert (failing.failures, failing.renewal_seconds) == (1, 15.0)
    assert failing.last_failure is not None
    assert (failing.last_failure.code, failing.last_failure.seconds_ago) == ("token-unreachable", 5.0)
    clock.advance(15)
    entry.renew(clock.monotonic())
    assert entry.snapshot().renewal_seconds == 0
    await settle(entry)
    mended = entry.snapshot()
    assert mended.failures == 0
    assert mended.last_failure is not None
    assert mended.last_failure.seconds_ago == 20.0
    assert mended.renewal_seconds is None
    assert entry.current(clock.monotonic()) is not None
    assert 300 <= entry.snapshot().renewal_seconds <= 450


async def test_close_ends_running_fetches_and_tells_the_waiters(source, clock):
    """Closing cancels the fetch; its waiters get a problem, nothing is fetched any more, tokens at hand still serve."""
    cache = TokenCache(source, clock, random=lambda: 0.0)
    served, waiting = cache.entry(token_request()), cache.entry(token_request("simulation"))
    token = await served.obtain()
    source.gate.clear()
    source.asked.clear()
    waiter = asyncio.create_task(waiting.obtain())
    await source.asked.wait()
    await cache.close()
    with pytest.raises(ProblemError) as caught:
        await waiter
    assert caught.value.code == "stopping"
    with pytest.raises(ProblemError):
        await waiting.obtain()
    clock.advance(2000)
    assert served.current(clock.monotonic()) is token
    assert source.fetches == 2


async def test_a_fetch_does_not_inherit_the_request_s_log_context(cache, source):
    """What a request bound to its log lines does not appear on the lines of a fetch that many requests share."""
    seen = {}

    class Looking(ScriptedSource):
        async def fetch(self, request, *, seconds=None):
            seen.update(structlog.contextvars.get_contextvars())
            return await super().fetch(request, seconds=seconds)

    own = TokenCache(Looking(source.clock), source.clock, random=lambda: 0.0)
    with structlog.contextvars.bound_contextvars(request_id="of-one-caller"):
        await own.entry(token_request()).obtain()
    assert seen == {}
    await own.close()


async def test_every_failure_of_the_engine_is_a_503_of_the_token_leg(cache, source):
    """What `obtain` raises has a row in the table of problems that says 503, token-server, not-sent."""
    source.script.append(ValueError("unexpected"))
    with pytest.raises(ProblemError) as caught:
        await cache.entry(token_request()).obtain()
    row = PROBLEMS[caught.value.code]
    assert (row.status, row.origin, row.delivery) == (503, "token-server", "not-sent")


async def test_what_no_generation_uses_is_dropped_and_what_stays_keeps_its_token(cache, clock):
    """The entry of an unchanged request is the same object; the other one is neither shown nor renewed."""
    kept, gone = (cache.entry(token_request(client_id=name), warm=True) for name in ("kept", "gone"))
    token = await kept.obtain()
    await gone.obtain()
    cache.retain({kept.request: False})
    assert cache.entries() == (kept,)
    assert cache.entry(kept.request) is kept
    assert kept.current(clock.monotonic()) is token
    assert not kept.warm


async def test_a_key_that_replaces_another_of_its_name_inherits_neither_token_nor_back_off(cache, source, clock):
    """It is asked for at once, while the other one still has to wait."""
    before = replace(token_request(), key_digest="one")
    source.script.append(credentials_refused())
    with pytest.raises(ProblemError):
        await cache.entry(before).obtain()
    entry = cache.entry(replace(before, key_digest="two"))
    cache.retain({entry.request: False})
    assert (await entry.obtain()).value.reveal() == "token-2"


async def test_an_exchange_that_waits_on_a_dropped_entry_gets_its_token(cache, source):
    """The fetch that it waits for goes on, and the entry ends with it."""
    entry = cache.entry(token_request())
    source.gate.clear()
    waiting = asyncio.create_task(entry.obtain())
    await source.asked.wait()
    cache.retain({})
    assert cache.entries() == ()
    assert cache.requests() == (entry.request,)
    assert cache.entry(entry.request) is entry
    cache.retain({})
    source.gate.set()
    assert (await waiting).value.reveal() == "token-1"
    await settle(entry)
    del entry, waiting
    await asyncio.sleep(0)
    gc.collect()
    assert cache.requests() == ()


async def test_the_first_fetch_is_waited_for_to_its_end(cache, source, clock):
    """Whatever it comes to, and not for long: what waits for it are probes on the admin listener."""
    began = clock.monotonic()
    await cache.first_fetch(60)
    assert clock.monotonic() == began
    entry = cache.entry(token_request())
    await cache.first_fetch(0.2)
    assert clock.monotonic() - began == pytest.approx(0.2)
    source.gate.clear()
    crowd = asyncio.create_task(entry.obtain())
    await source.asked.wait()
    waiting = asyncio.create_task(cache.first_fetch(60))
    await asyncio.sleep(5)
    assert not waiting.done()
    source.gate.set()
    await waiting
    assert clock.monotonic() - began < 60
    assert (await crowd).value.reveal() == "token-1"
