"""A running sandbox for each test."""

import aiohttp
import pytest
from joserfc.jwk import RSAKey

from fla_gateway.sandbox import CLIENT_ID, Sandbox, SandboxOptions
from tests.sandbox.stage import HandClock, Stage, trusting
from tests.support.keys import certificate_pem, make_certificate, make_rsa


@pytest.fixture
async def stage():
    """Give a running sandbox with one client, whose key is shared by the session."""
    clock = HandClock()
    sandbox = Sandbox(SandboxOptions(client=False), clock=clock)
    key = make_rsa(2048)
    sandbox.register(CLIENT_ID, certificate_pem(make_certificate(key)))
    await sandbox.start()
    connector = aiohttp.TCPConnector(ssl=trusting(sandbox))
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Stage(sandbox, clock, session, {"own": RSAKey.import_key(key)})
    await sandbox.close()
