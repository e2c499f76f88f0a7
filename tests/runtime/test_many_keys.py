"""`fla-gateway run` with many keys: it listens before they are loaded, and each profile is served when its key is."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.keys import certificate_pem, key_pem, make_certificate, make_rsa, write_identity, write_private
from tests.support.process import Government, run
from tests.support.raw_http import get
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

NUMBER = 40
CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
ready = "{ready}"
[log]
format = "json"
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
"""
PROFILE = """
[profiles.{name}]
environment = "stub"
client_id = "client-{name}"
key = {{ pem = "{key}.pem", certificate = "{key}.cer"{more} }}
"""


@pytest.fixture
async def begin(tmp_path, ca_file, api_tls):
    """Start gateways with forty good profiles and others."""
    write_identity(tmp_path)
    async with AsyncExitStack() as stack:
        government = Government(api_tls)
        await government.start()
        stack.push_async_callback(government.close)

        async def start(*words, more="", ready="any"):
            path = tmp_path / "gateway.toml"
            profiles = "".join(PROFILE.format(name=f"p{number}", key="acme", more="") for number in range(NUMBER))
            head = CONFIGURATION.format(port=government.port, ca_file=ca_file, ready=ready)
            path.write_text(head + more + profiles)
            return await stack.enter_async_context(run(path, *words))

        yield start


class Slow:
    """A profile whose key cannot be opened before a test lets it: its password comes out of a pipe."""

    def __init__(self, folder):
        key = make_rsa()
        write_private(folder / "slow.pem", key_pem(key, password="geheim"))
        (folder / "slow.cer").write_bytes(certificate_pem(make_certificate(key)))
        self._pipe = folder / "password"
        os.mkfifo(self._pipe, 0o600)
        self.profile = PROFILE.format(name="slow", key="slow", more=', password_file = "password"')

    async def release(self):
        """Give the password to the one who waits for it."""
        await asyncio.to_thread(self._pipe.write_text, "geheim")


@pytest.fixture
def slow(tmp_path):
    """See `Slow`."""
    return Slow(tmp_path)


@pytest.mark.parametrize("ready", ["any", "all"])
async def test_a_profile_is_served_as_soon_as_its_key_is_loaded(begin, slow, ready):
    """Until then its calls get 503 `profile-loading` with Retry-After, and the others are served."""
    process = await begin(more=slow.profile, ready=ready)
    await process.event("ready")
    answer = await process.call(get("/slow/REST/x"))
    assert (answer.status, answer.code, answer.value("Retry-After")) == (503, "profile-loading", b"1")
    assert (answer.problem["retryable"], answer.problem["delivery"]) == (True, "not-sent")
    # The last one is not among those that a worker was given behind the slow key.
    await served(process, f"p{NUMBER - 1}")
    readiness = await process.admin("/readyz")
    expected = (200, b'"serving"') if ready == "any" else (503, b'"loading"')
    assert (readiness.status, expected[1] in readiness.body) == (expected[0], True)
    assert (await process.admin("/startupz")).status == 200
    await slow.release()
    loaded = await process.event("keys-loaded")
    assert (loaded["keys"], loaded["served"], loaded["unavailable"]) == (NUMBER + 1, NUMBER + 1, 0)
    assert (await process.call(get("/slow/REST/x"))).status == 200
    assert (await process.admin("/readyz")).status == 200


async def served(process, profile):
    """Call a profile until its key is loaded."""
    async with asyncio.timeout(PATIENCE):
        while (answer := await process.call(get(f"/{profile}/REST/x"))).status != 200:
            assert answer.code == "profile-loading"


async def test_strict_loads_every_key_before_it_listens(begin, slow, tmp_path):
    """So that a key that cannot be used keeps it from starting, however many there are, and none is still loading."""
    process = await begin("--strict", more=slow.profile)
    await slow.release()
    await process.event("ready")
    assert (await process.call(get("/slow/REST/x"))).status == 200
    write_private(tmp_path / "bad.pem", "no key")
    refused = await begin("--strict", more=PROFILE.format(name="bad", key="bad", more=""))
    assert await refused.ended() == 2
    assert "profiles.bad.key" in refused.output
    assert not refused.events("listening")


async def test_a_profile_that_cannot_be_served_counts_where_all_have_to_be(begin, tmp_path):
    """It is unavailable once its key is known, as with few keys."""
    write_private(tmp_path / "bad.pem", "no key")
    process = await begin(more=PROFILE.format(name="bad", key="bad", more=""), ready="all")
    await process.event("keys-loaded")
    await process.event("ready")
    assert (await process.call(get("/bad/REST/x"))).code == "profile-unavailable"
    readiness = await process.admin("/readyz")
    assert (readiness.status, b"no-profile" in readiness.body) == (503, True)


async def test_a_certificate_is_judged_again_when_its_time_has_come(begin, tmp_path):
    """Its profile is not served before, and is afterwards, without anything being done."""
    # The sooner, the shorter the wait; but a machine that is busy has to have asked before the time has come.
    for seconds in (3, 9, 45):
        moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
        _write_early(tmp_path, moment)
        process = await begin(more=PROFILE.format(name="early", key="early", more=""))
        await process.event("keys-loaded")
        await process.event("ready")
        answer = await process.call(get("/early/REST/x"))
        if datetime.now(UTC) < moment:
            event = await process.event("profile-unavailable")
            assert (answer.code, "valid only from" in event["reason"]) == ("profile-unavailable", True)
            await process.event("certificate-valid")
            assert datetime.now(UTC) >= moment
            assert (await process.call(get("/early/REST/x"))).status == 200
            return
    pytest.fail("this machine takes more than 45 s to start")


def _write_early(folder, moment):
    """Write a key whose certificate is valid from a moment on."""
    key = make_rsa(2048, "early")
    write_private(folder / "early.pem", key_pem(key))
    certificate = make_certificate(key, not_before=moment, not_after=moment + timedelta(days=300))
    (folder / "early.cer").write_bytes(certificate_pem(certificate))
