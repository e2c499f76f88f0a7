"""Fixtures: gateways as processes, all before one token server with an API."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.support.keys import write_identity
from tests.support.process import Government, run

LISTEN = '["127.0.0.1:0", "[::1]:0"]'
CONFIGURATION = """
[gateway]
listen = {listen}
{gateway}
[admin]
listen = "{admin}"
[log]
format = "json"
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
{more}
"""


@pytest.fixture
async def government(api_tls):
    """Start token server and API."""
    government = Government(api_tls)
    await government.start()
    yield government
    await government.close()


@pytest.fixture
async def begin(tmp_path, ca_file, government):
    """Start gateways as processes."""
    write_identity(tmp_path)
    async with AsyncExitStack() as stack:

        async def start(*words, listen=LISTEN, gateway="", admin="127.0.0.1:0", more="", **how):
            path = tmp_path / "gateway.toml"
            options = {"listen": listen, "gateway": gateway, "admin": admin, "more": more}
            path.write_text(CONFIGURATION.format(**options, port=government.port, ca_file=ca_file))
            return await stack.enter_async_context(run(path, *words, **how))

        yield start
