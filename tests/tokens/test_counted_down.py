"""A token server that gives the same token until it ends, with what is left of its life (wso2/api-manager 773)."""

from __future__ import annotations

import asyncio

import pytest

from fla_gateway.oauth.model import AccessToken
from fla_gateway.secret import Secret
from fla_gateway.tokens.cache import TokenCache
from tests.support.tokens import token_request

LIFE = 120.0


class CountingServer:
    """Gives one token for each `LIFE`, and whole seconds of what is left; zero is read as a minute, as always."""

    def __init__(self, clock, ahead=0.0):
        self.clock, self.ahead, self.fetches = clock, ahead, 0
        self.start = clock.monotonic()

    def number(self):
        return int((self.clock.monotonic() - self.start) // LIFE)

    def honours(self, token):
        """Whether an API whose clock is `ahead` takes a token now."""
        return token.value.reveal() == f"token-{int((self.clock.monotonic() + self.ahead - self.start) // LIFE)}"

    async def fetch(self, request, *, seconds=None):
        self.fetches += 1
        now = self.clock.monotonic()
        left = int(LIFE - (now - self.start) % LIFE)
        return AccessToken(Secret(f"token-{self.number()}"), float(left) or 60.0, now, over=not left)


async def call(entry, server, clock):
    """Make a call as an exchange does: another token, once, where the first is refused. Return whether it succeeded."""
    for _ in range(2):
        token = entry.current(clock.monotonic()) or await entry.obtain()
        if server.honours(token):
            return True
        if not entry.refused(token, "employer", "dimona", clock.monotonic()):
            break
    return False


@pytest.fixture
async def counting(clock):
    """A server that counts down, and the entry of its token."""
    server = CountingServer(clock)
    cache = TokenCache(server, clock, random=lambda: 0.0)
    yield server, cache.entry(token_request())
    await cache.close()


async def test_no_call_is_lost_where_a_token_is_counted_down(counting, clock):
    """Four calls a second for five lives all get a token that is honoured; a life costs a dozen fetches at most."""
    server, entry = counting
    for _ in range(int(5 * LIFE * 4)):
        assert await call(entry, server, clock)
        await asyncio.sleep(0)  # a renewal beside the calls goes on
        clock.advance(0.25)
    assert server.fetches <= 5 * 12


async def test_an_ended_token_that_is_given_for_ever_costs_no_fetch_per_call(counting, clock):
    """The API that refuses it is braked, as with any token that is new and refused."""
    server, entry = counting
    await entry.obtain()

    async def stuck(request, *, seconds=None):
        server.fetches += 1
        return AccessToken(Secret("token-0"), 60.0, clock.monotonic(), over=True)

    server.fetch = stuck
    clock.advance(LIFE)
    before = server.fetches
    for _ in range(400):
        await call(entry, server, clock)
        await asyncio.sleep(0)
        clock.advance(0.05)
    assert server.fetches - before <= 6


async def test_a_token_that_never_had_a_life_counts_as_a_minute(clock):
    """Zero from the first token on is what some servers write of tokens that do not end."""

    class Endless:
        fetches = 0

        async def fetch(self, request, *, seconds=None):
            self.fetches += 1
            return AccessToken(Secret("same"), 60.0, clock.monotonic(), over=True)

    source = Endless()
    cache = TokenCache(source, clock, random=lambda: 0.0)
    entry = cache.entry(token_request())
    for _ in range(240):
        if entry.current(clock.monotonic()) is None:
            await entry.obtain()
        clock.advance(1.0)
    assert source.fetches <= 8
    await cache.close()
