"""Fixtures for tests that run a gateway on their own loop; a conftest imports them."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from fla_gateway.runtime.composition.trust_store import Trust
from tests.support.behaviour import running
from tests.support.keys import TlsAuthority


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
