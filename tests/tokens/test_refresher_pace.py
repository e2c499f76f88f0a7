"""How tokens are fetched ahead of calls, and when an entry is left alone."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from fla_gateway.tokens.cache import TokenCache
from fla_gateway.tokens.refresher import Refresher
from tests.support.tokens import ScriptedSource, token_request, unreachable


class Slow(ScriptedSource):
    """Takes a while for each token, and notes when each fetch was begun and how many were under way."""

    def __init__(self, clock, takes, lifetime=3600.0):
        super().__init__(clock, lifetime)
        self.takes = takes
        self.begun = []
        self.running = self.most = 0

    async def fetch(self, request, *, seconds=None):
        self.begun.append(self.clock.monotonic())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.takes)
            return await super().fetch(request, seconds=seconds)
        finally:
            self.running -= 1

    def busiest_second(self):
        """Return the most fetches begun within one second."""
        return max(sum(at <= other < at + 0.999 for other in self.begun) for at in self.begun)


@pytest.fixture
async def start(clock):
    """Start a cache with a refresher, both ended after the test."""
    running = []

    def started(source, profiles, *, warm=False, random=lambda: 0.5):
        cache = TokenCache(source, clock, random=random)
        entries = [cache.entry(token_request(client_id=f"client-{number}"), warm=warm) for number in range(profiles)]
        running.append((cache, asyncio.create_task(Refresher(cache, clock).run())))
        return cache, entries

    yield started
    for cache, loop in running:
        loop.cancel()
        await asyncio.wait((loop,))
        await cache.close()


@pytest.mark.parametrize("takes", [0.0, 0.4, 2.0, 7.5])
async def test_tokens_are_fetched_ahead_at_a_moderate_pace(clock, start, takes):
    """With 300 profiles at most 4 fetches are under way and 5 begun a second, and each profile gets one token."""
    source = Slow(clock, takes)
    _, entries = start(source, 300)
    await asyncio.sleep(300 * max((takes + 1.1) / 4, takes / 3) + 5)
    assert all(entry.has_token(clock.monotonic()) for entry in entries)
    assert len(source.begun) == len({request.client_id for request in source.requests}) == 300
    assert source.most <= 4
    assert source.busiest_second() <= 5


async def test_the_pace_holds_where_requests_arrive(clock, start):
    """Whenever within a fetch a request arrives, the token server sees at most five of them in a second."""
    chance = random.Random(7)  # noqa: S311 - no secret
    arrived = []

    class Jittery(Slow):
        async def fetch(self, request, *, seconds=None):
            await asyncio.sleep(chance.random() * 2)
            arrived.append(self.clock.monotonic())
            await asyncio.sleep(chance.random())
            return await super().fetch(request, seconds=seconds)

    source = Jittery(clock, 0.0)
    start(source, 100)
    await asyncio.sleep(120)
    assert len(arrived) == 100
    assert max(sum(at <= other < at + 0.999 for other in arrived) for at in arrived) <= 5


async def test_a_few_profiles_do_not_wait_for_each_other(clock, start):
    """An installation of usual size has its tokens at once."""
    source = Slow(clock, 0.1)
    start(source, 4)
    await asyncio.sleep(0.25)
    assert len(source.requests) == 4


async def test_a_call_goes_ahead_of_all_that_nobody_waits_for(clock, start):
    """The last of 300 profiles is called at the start, with a slow token server: its fetch is begun at once."""
    source = Slow(clock, 2.0)
    _, entries = start(source, 300)
    await asyncio.sleep(0.01)
    began = clock.monotonic()
    await entries[-1].obtain()
    assert clock.monotonic() - began < 2.1
    assert source.most <= 4
    assert source.busiest_second() <= 5


async def test_calls_are_never_held_back(clock, start):
    """All of 300 profiles called at once get their tokens: the pace is for what no call waits for."""
    source = Slow(clock, 1.0)
    _, entries = start(source, 300)
    tokens = await asyncio.gather(*(entry.obtain() for entry in entries))
    assert len(tokens) == 300
    assert len(source.begun) == 300


async def test_each_token_server_has_a_pace_of_its_own(clock):
    """A token server that hangs does not keep the tokens of another one from being fetched ahead."""
    source = Slow(clock, 0.0)
    cache = TokenCache(source, clock, random=lambda: 0.5)
    here = [token_request(client_id=f"here-{number}") for number in range(20)]
    there = [replace(it, token_url="https://other.example/token") for it in here]
    for request in (*here, *there):
        cache.entry(request)
    loop = asyncio.create_task(Refresher(cache, clock).run())
    await asyncio.sleep(0.5)
    assert {request.token_url for request in source.requests[:8]} == {here[0].token_url, there[0].token_url}
    loop.cancel()
    await cache.close()


async def test_an_idle_hour_costs_no_request(clock, start):
    """Profiles that no call uses have one token fetched each, and none after that."""
    source = Slow(clock, 0.1, lifetime=600.0)
    _, entries = start(source, 30)
    await asyncio.sleep(90)
    assert len(source.begun) == 30
    await asyncio.sleep(3600)
    assert len(source.begun) == 30
    assert {entry.snapshot().state for entry in entries} == {"idle"}
    assert {entry.snapshot().renewal_seconds for entry in entries} == {None}


async def test_an_entry_is_renewed_once_after_its_last_use(clock, start):
    """A token that was used is replaced in time; the next one is not, if it is not used."""
    source = Slow(clock, 0.1, lifetime=600.0)
    _, (entry, _) = start(source, 2)
    await asyncio.sleep(10)
    assert entry.current(clock.monotonic()) is not None
    await asyncio.sleep(7200)
    assert [request.client_id for request in source.requests] == ["client-0", "client-1", "client-0"]


async def test_use_keeps_a_token_at_hand(clock, start):
    """A call a minute never waits: the token is renewed beside it all day."""
    source = Slow(clock, 0.1, lifetime=600.0)
    _, (entry,) = start(source, 1)
    await asyncio.sleep(1)
    for _ in range(24 * 60):
        assert entry.current(clock.monotonic()) is not None
        await asyncio.sleep(60)


async def test_a_call_after_an_idle_night_gets_a_new_token(clock, start):
    """The first call fetches, and from then on the entry is renewed again."""
    source = Slow(clock, 0.1, lifetime=600.0)
    _, (entry,) = start(source, 1)
    await asyncio.sleep(40_000)
    assert (await entry.obtain()).value.reveal() == "token-2"
    await asyncio.sleep(500)
    assert len(source.begun) == 3


async def test_a_warm_entry_is_renewed_without_a_call(clock, start):
    """With `warm` there is a token at every moment of an idle day."""
    source = Slow(clock, 0.1, lifetime=600.0)
    _, (entry,) = start(source, 1, warm=True)
    await asyncio.sleep(1)
    for _ in range(24 * 60):
        assert entry.has_token(clock.monotonic())
        await asyncio.sleep(60)


async def test_one_warm_profile_warms_the_entry_it_shares(cache):
    """Two profiles with one token: it stays warm if either asks for that, in any order."""
    assert not cache.entry(token_request()).warm
    assert cache.entry(token_request(), warm=True).warm
    assert cache.entry(token_request()).warm


async def test_what_failed_at_the_start_is_tried_until_there_was_one_token(clock, start):
    """A token server that is down at the start is asked with back-off, and left alone after the first token."""
    source = Slow(clock, 0.1, lifetime=600.0)
    source.script.extend(unreachable() for _ in range(5))
    start(source, 1)
    await asyncio.sleep(300)
    assert len(source.begun) == 6
    await asyncio.sleep(3600)
    assert len(source.begun) == 6


async def test_after_a_sleep_of_the_machine_tokens_come_back_at_the_pace_of_a_start(clock, start):
    """All tokens expired during the sleep: those in use are fetched again, but not all within a moment."""
    source = Slow(clock, 0.1)
    _, entries = start(source, 100)
    await asyncio.sleep(40)
    for entry in entries:
        assert entry.current(clock.monotonic()) is not None
    clock.advance(7200)
    source.begun.clear()
    await asyncio.sleep(45)
    assert len(source.begun) == 100
    assert source.busiest_second() <= 5


async def test_hundreds_of_new_entries_are_not_looked_at_for_each_of_them(clock):
    """Keys that are loaded one after the other make one entry each; the loop has other work to do."""
    looked = 0

    class Watched(TokenCache):
        def entries(self):
            nonlocal looked
            looked += len(super().entries())
            return super().entries()

    cache = Watched(ScriptedSource(clock), clock, random=lambda: 0.5)
    loop = asyncio.create_task(Refresher(cache, clock).run())
    for number in range(1000):
        cache.entry(token_request(client_id=f"client-{number}"))
        await asyncio.sleep(0.002)
    loop.cancel()
    await asyncio.wait((loop,))
    await cache.close()
    assert 1000 < looked < 50_000
