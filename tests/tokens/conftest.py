from __future__ import annotations

import pytest

from fla_gateway.tokens.cache import TokenCache
from tests.support.tokens import ScriptedSource
from tests.support.virtual_time import VirtualClock, VirtualLoop


def pytest_asyncio_loop_factories(config, item):
    """Run everything in virtual time: seconds of back-off cost none, and no deadline depends on the machine's load."""
    return {"virtual": VirtualLoop}


@pytest.fixture
def clock():
    """A clock that follows the loop, and can be moved by hand."""
    return VirtualClock()


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
