"""A token server that gives the same token until it ends, with what is left of its life (wso2/api-manager 773)."""

from __future__ import annotations

import asyncio

import pytest

from fla_gateway.oauth.model import AccessToken
from fla_gateway.secret import Secret
from fla_gateway.tokens.cache import TokenCache
from tests.support.tokens import token_request


class CountingServer:
    """Gives one token for each life, and whole seconds of what is left; zero is read as a minute, as always."""

    def __init__(self, clock, life):
        self.clock, self.life, self.fetches = clock, life, 0
        self.start = clock.monotonic()

    def number(self):
        return int((self.clock.monotonic() - self.start) // self.life)

    def honours(self, token):
        """Whether the API takes a token now."""
        return token.value.reveal() == f"token-{self.number()}"

    async def fetch(self, request, *, seconds=None):
        self.fetches += 1
        now = self.clock.monotonic()
        left = int(self.life - (now - self.start) % self.life)
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


@pytest.fixture(params=[20.0, 61.3, 120.0])
async def counting(request, clock):
    """A server that counts down, and the entry of its token."""
    server = CountingServer(clock, request.param)
    cache = TokenCache(server, clock, random=lambda: 0.0)
    yield server, cache.entry(token_request())
    await cache.close()


async def test_no_call_is_lost_where_a_token_is_counted_down(counting, clock):
    """Five calls a second for nine lives all get a token that is honoured; a life costs a dozen fetches at most."""
    server, entry = counting
    for _ in range(int(9 * server.life * 5)):
        assert await call(entry, server, clock)
        await asyncio.sleep(0)  # a renewal beside the calls goes on
        clock.advance(0.2)
    assert server.fetches <= 9 * 12


async def test_an_ended_token_that_is_given_for_ever_costs_no_fetch_per_call(counting, clock):
    """The API that refuses it is braked, as with any token that is new and refused."""
    server, entry = counting
    await entry.obtain()

    async def stuck(request, *, seconds=None):
        server.fetches += 1
        return AccessToken(Secret("token-0"), 60.0, clock.monotonic(), over=True)

    server.fetch = stuck
    clock.advance(server.life)
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
