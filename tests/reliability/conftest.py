"""Fixtures: gateways on the loop of the test that are reloaded, before one token server with an API."""

from __future__ import annotations

from contextlib import AsyncExitStack
from hashlib import sha256

import pytest

from tests.support.keys import write_identity
from tests.support.process import Government, token_answer
from tests.support.reloading import reloading
from tests.support.stage import api_tls, authority, ca_file  # noqa: F401 - fixtures

KEY = "flagw_" + "0123456789abcdef" * 4
SHOWN = f"X-Api-Key: {KEY}"
CONFIGURATION = """\
[gateway]
listen = ["127.0.0.1:0"]
{gateway}
[admin]
listen = "127.0.0.1:1"
[log]
requests = false
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "roots.pem"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
{more}
[callers.payroll]
keys = [{{ sha256 = "{digest}" }}]
[callers.payroll.allow]
employer = ["GET /REST/**", "POST /REST/**"]
"""


@pytest.fixture
async def government(api_tls):  # noqa: F811 - the fixture
    """Start token server and API; each token is another one."""
    stub = Government(api_tls)
    tokens = iter(range(1, 10_000))
    stub.token = lambda request: token_answer(f"token-{next(tokens)}")
    await stub.start()
    yield stub
    await stub.close()


@pytest.fixture
def text(tmp_path, ca_file, government):  # noqa: F811 - the fixture
    """Write the files beside a configuration, and give a function that writes its text."""
    write_identity(tmp_path)
    (tmp_path / "roots.pem").write_bytes(ca_file.read_bytes())

    def make(gateway="", more=""):
        digest = sha256(KEY.encode()).hexdigest()
        return CONFIGURATION.format(port=government.port, gateway=gateway, more=more, digest=digest)

    return make


@pytest.fixture
async def start(tmp_path, text):
    """Start gateways that can be reloaded."""
    async with AsyncExitStack() as stack:

        async def begin(clock=None, **parts):
            path = tmp_path / "gateway.toml"
            path.write_text(text(**parts), encoding="utf-8")
            return await stack.enter_async_context(reloading(path, clock))

        yield begin
