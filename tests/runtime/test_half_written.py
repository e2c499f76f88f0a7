"""Files that were cut while they were written, and came to rest like that: nothing of them is applied."""

from __future__ import annotations

import os

import pytest

from fla_gateway.errors import ReloadRefusedError
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_rsa, write_identity
from tests.support.process import Government
from tests.support.raw_http import get
from tests.support.reloading import reloading

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # files are read by a thread, on any loop
PIECE = 64
KEY = "flagw_" + "0123456789abcdef" * 4
CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:1"
[log]
requests = false
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
[callers.payroll]
keys = [{{ sha256 = "{digest}" }}]
[callers.payroll.allow]
employer = [
  "GET /REST/**",
]
"""


@pytest.fixture
async def running(tmp_path, ca_file, api_tls):
    """A gateway with one caller."""
    government = Government(api_tls)
    await government.start()
    write_identity(tmp_path)
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIGURATION.format(port=government.port, ca_file=ca_file, digest="1" * 64))
    async with reloading(path) as rig:
        yield rig
    await government.close()


def cuts(content: bytes) -> list[bytes]:
    """Give what is there of a file after each piece but the last."""
    return [content[:length] for length in range(0, len(content), PIECE)]


def put(path, content: bytes) -> None:
    """Write a file that has been at rest for long."""
    path.write_bytes(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))


async def test_a_configuration_that_was_cut_is_never_applied(running):
    """It is no TOML, or has a fault, or has lost its callers, which a change of files alone does not take away."""
    whole = running.path.read_bytes()
    for part in cuts(whole):
        put(running.path, part)
        with pytest.raises(ReloadRefusedError):
            await running.reload(cause="watch")
        assert (await running.call(get("/employer/REST/x"))).status == 401
    put(running.path, whole)
    assert (await running.reload(cause="watch")).generation == 2


@pytest.mark.parametrize("name", ["acme.pem", "acme.cer"])
async def test_a_key_that_was_cut_is_never_used(running, name):
    """The profile goes on with the former key, and says so, until the new one is there."""
    key = make_rsa()
    new = {"acme.pem": key_pem(key), "acme.cer": certificate_pem(make_certificate(key))}
    (other,) = new.keys() - {name}
    put(running.path.parent / other, new[other])
    former = running.profiles["employer"].profile.token_request.key_id
    for part in cuts(new[name].rstrip()):
        put(running.path.parent / name, part)
        await running.reload(cause="watch")
        served = running.profiles["employer"]
        assert (served.state, served.profile.token_request.key_id) == ("served", former)
    put(running.path.parent / name, new[name])
    await running.reload(cause="watch")
    assert running.profiles["employer"].profile.token_request.key_id != former
