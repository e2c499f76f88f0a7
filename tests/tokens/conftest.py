from __future__ import annotations

import pytest

from fla_gateway.tokens.cache import TokenCache
from tests.support.tokens import HandClock, ScriptedSource


@pytest.fixture
def clock():
    """A clock moved by hand."""
    return HandClock()


@pytest.fixture
async def source(clock):
    """A source that answers as told."""
    return ScriptedSource(clock)


@pytest.fixture
async def cache(source, clock):
    """A cache without jitter."""
    cache = TokenCache(source, clock, random=lambda: 0.0)
    yield cache
    await cache.close()
