from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
import uvloop

from fla_gateway.runtime.trust import Trust
from tests.support.behaviour import running
from tests.support.keys import TlsAuthority


def pytest_asyncio_loop_factories(config, item):
    """Run each test on both loops: `run` takes uvloop where there is one, and asyncio elsewhere."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def authority():
    """Make the authority that signs the API's certificates."""
    return TlsAuthority()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory):
    """Write its root."""
    return authority.write_root(tmp_path_factory.mktemp("roots"))


@pytest.fixture(scope="session")
def api_tls(authority, tmp_path_factory):
    """Make the API's side of TLS."""
    return authority.server_context(tmp_path_factory.mktemp("servers"))


@pytest.fixture(scope="session")
def trust():
    """Read the system's roots once for all tests."""
    return Trust()


@pytest.fixture
async def start(tmp_path, trust, ca_file, api_tls):
    """Start gateways with their APIs; they end with the test."""
    async with AsyncExitStack() as stack:

        async def begin(**options):
            tls = options.pop("api_tls", api_tls)
            return await stack.enter_async_context(running(tmp_path, trust.context, ca_file, tls, **options))

        yield begin


@pytest.fixture
async def rig(start):
    """Start a gateway with the defaults, and its API."""
    return await start()
