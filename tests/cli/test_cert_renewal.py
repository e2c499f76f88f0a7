"""`fla-gateway cert renew`, `try`, `switch`, `finish`: from one certificate to the next without losing a call.

The gateway is a process of its own, found by its configuration; the government side is the sandbox, which knows the
certificates that are registered.
"""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import tomllib
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.cli.main import execute
from fla_gateway.cli.renewal.files import UnchangedError, archive, exchange_keys, lines_after_switch
from fla_gateway.runtime.composition.resolved_config import read
from fla_gateway.sandbox import Sandbox, SandboxOptions
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_ec, write_private
from tests.support.process import run
from tests.support.raw_http import get
from tests.support.waiting import PATIENCE, eventually

CALLERS = 16
PAUSE = 0.05
"""Seconds between two calls of one caller."""
CLIENT = "client-of-the-test"
CONFIGURATION = """\
# Renewed every two years.
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = "{admin}"
[log]
format = "json"
[environments.stub]
api_base = "{url}"
token_url = "{token_url}"
ca_file = "{ca_file}"

[keys.acme]        # of 2024
pem = "acme.pem"
certificate = "acme.cer"
[keys.next]        # of 2026
pem = "next.pem"
certificate = "next.cer"

[profiles.employer]  # the one account
environment = "stub"
client_id = "client-of-the-test"
key = "acme"       # in use
next_key = 'next'  # not yet
"""


class Calls:
    """Sixteen callers that call again and again, and what was not answered with 200."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.good = 0
        self.failed: list[bytes] = []

    async def go_on(self):
        """Call until cancelled, on one connection; without a pause, both processes would do nothing else."""
        caller = await self.gateway.caller()
        try:
            while True:
                await caller.send(get("/employer/REST/echo/v1/hello"))
                answer = await caller.answer()
                if answer.status == 200:
                    self.good += 1
                else:
                    self.failed.append(answer.body)
                await asyncio.sleep(PAUSE)
        finally:
            caller.close()

    async def more(self, number=3 * CALLERS):
        """Wait until so many more calls were answered well."""
        wanted = self.good + number
        await eventually(lambda: self.good >= wanted or self.failed)


def write_pair(folder, name, days):
    """Write a key and a certificate that ends in so many days; return the certificate."""
    key = make_ec()
    now = datetime.now(UTC)
    certificate = make_certificate(
        key, subject=name, not_before=now - timedelta(days=400), not_after=now + timedelta(days=days)
    )
    write_private(folder / f"{name}.pem", key_pem(key))
    write_private(folder / f"{name}.cer", certificate_pem(certificate))
    return certificate_pem(certificate)


@pytest.fixture
async def sandbox(tmp_path):
    """Give a government side without clients."""
    running = Sandbox(SandboxOptions(directory=tmp_path / "sandbox", client=False))
    await running.start()
    yield running
    await running.close()


@asynccontextmanager
async def stage(folder, sandbox, *, old_days=20, admin=None, further=""):
    """Start a gateway whose old certificate is registered; give it and the new certificate."""
    sandbox.register(CLIENT, write_pair(folder, "acme", old_days))
    new = write_pair(folder, "next", 700)
    path = folder / "gateway.toml"
    path.write_text(
        CONFIGURATION.format(
            admin=admin or f"unix:{folder}/admin.sock",
            url=sandbox.url,
            token_url=sandbox.token_url,
            ca_file=sandbox.ca_file.resolve(),
        )
        + further
    )
    path.chmod(0o640)
    async with run(path) as gateway:
        await gateway.event("ready")
        yield gateway, new


@asynccontextmanager
async def callers(gateway):
    """Let sixteen callers call again and again."""
    calls = Calls(gateway)
    tasks = [asyncio.create_task(calls.go_on()) for _ in range(CALLERS)]
    try:
        yield calls
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def cert(folder, command, *words):
    """Run a command on the profile; give exit code and all that it printed."""
    printed = io.StringIO()

    def work():
        with redirect_stdout(printed), redirect_stderr(printed):
            return execute(["cert", command, "employer", "--config", str(folder / "gateway.toml"), *words])

    async with asyncio.timeout(PATIENCE):
        return await asyncio.to_thread(work), printed.getvalue()


async def step(folder):
    """Ask which step is next; give its name and all of the text."""
    _, printed = await cert(folder, "renew", "--json")
    document = json.loads(printed[printed.index("{") :])
    return document["step"], f"{document['text']} {document['command']}"


async def test_a_certificate_is_rolled_over_and_not_one_call_fails(tmp_path, sandbox):
    """From `upload` to the archive, there and back and there again, sixteen callers calling: each gets 200."""
    path = tmp_path / "gateway.toml"
    async with stage(tmp_path, sandbox) as (gateway, new), callers(gateway) as calls:
        await calls.more()
        before = path.read_bytes()
        name, text = await step(tmp_path)
        assert name == "upload"
        assert "beside the old one" in text
        assert "Ask before anything is removed" in text
        code, said = await cert(tmp_path, "try")
        assert (code, "token-refused" in said, "not in ChaMan yet" in said) == (1, True, True)
        code, _ = await cert(tmp_path, "switch")
        assert (code, path.read_bytes()) == (1, before)

        sandbox.register(CLIENT, new)
        assert (await step(tmp_path))[0] == "switch"
        assert (await cert(tmp_path, "try"))[0] == 0
        code, said = await cert(tmp_path, "switch")
        assert code == 0, said
        after = path.read_text()
        assert tomllib.loads(after)["profiles"]["employer"] == {
            "environment": "stub", "client_id": CLIENT, "key": "next", "next_key": "acme",
        }  # fmt: skip
        assert after.count("#") == before.decode().count("#")
        assert path.stat().st_mode & 0o777 == 0o640
        await calls.more()
        name, text = await step(tmp_path)
        assert (name, "a full day after the last token with 'acme'" in text) == ("wait", True)
        code, said = await cert(tmp_path, "finish")
        assert (code, "Too early (wait)" in said) == (1, True)

        assert (await cert(tmp_path, "switch"))[0] == 0
        assert tomllib.loads(path.read_text()) == tomllib.loads(before.decode())
        await calls.more()
        assert (await cert(tmp_path, "switch"))[0] == 0
        code, said = await cert(tmp_path, "finish", "--now")
        assert code == 0, said
        await calls.more()
        assert sorted(it.name for it in (tmp_path / "archive").iterdir()) == ["acme.cer", "acme.pem"]
        document = tomllib.loads(path.read_text())
        assert ("next_key" in document["profiles"]["employer"], list(document["keys"])) == (False, ["next"])
        assert calls.failed == []


async def test_a_status_that_asks_for_a_key_is_not_taken_for_a_gateway_that_is_down(tmp_path, sandbox):
    """The gateway's own words are printed, and how to give the key."""
    further = f'[admin.key]\nsha256 = "{"1" * 64}"\n'
    async with stage(tmp_path, sandbox, admin="127.0.0.1:0", further=further) as (gateway, _):
        admin = f"http://{(await gateway.event('admin-listening'))['address']}"
        code, said = await cert(tmp_path, "switch", "--untried", "--admin", admin)
        assert code == 0, said
        _, said = await cert(tmp_path, "renew", "--offline", "--admin", admin)
        assert ("credentials-missing" in said, "--admin-key-file" in said) == (True, True), said


async def test_the_old_certificate_ends_first(tmp_path, sandbox):
    """No token comes any more and calls fail with 503, which says that it ended; the exchange mends it."""
    async with stage(tmp_path, sandbox, old_days=-1) as (gateway, new):
        answer = await gateway.call(get("/employer/REST/echo/v1/hello"))
        assert (answer.status, answer.code) == (503, "token-refused")
        assert "certificate" in answer.problem["detail"]
        assert "cert renew" in gateway.output
        sandbox.register(CLIENT, new)
        code, said = await cert(tmp_path, "switch")
        assert code == 0, said
        assert (await gateway.call(get("/employer/REST/echo/v1/hello"))).status == 200


async def test_the_new_certificate_was_never_uploaded(tmp_path, sandbox):
    """Exchanged all the same, calls fail with 503 `token-refused`; exchanged back, they are answered again."""
    async with stage(tmp_path, sandbox) as (gateway, _):
        assert (await gateway.call(get("/employer/REST/echo/v1/hello"))).status == 200
        assert (await cert(tmp_path, "switch", "--untried"))[0] == 0
        answer = await gateway.call(get("/employer/REST/echo/v1/hello"))
        assert (answer.status, answer.code) == (503, "token-refused")
        assert (await cert(tmp_path, "switch"))[0] == 0
        assert (await gateway.call(get("/employer/REST/echo/v1/hello"))).status == 200


async def test_without_a_gateway_the_file_is_changed_and_that_is_said(tmp_path, sandbox):
    """Exit code 69: it takes effect at the next start, and `renew` goes on from there."""
    async with stage(tmp_path, sandbox) as (_, new):
        sandbox.register(CLIENT, new)
    code, said = await cert(tmp_path, "switch")
    assert (code, "at the next start" in said) == (69, True)
    assert (await cert(tmp_path, "renew"))[1].count("status cannot be read") == 1


PLAIN = """\
[keys.acme]
pem = "acme.pem"
certificate = "acme.cer"
password_file = "both.pass"
[keys.next]
pem = "next.pem"
password_file = "keys/../both.pass"
[profiles.employer]
environment = "simulation"
client_id = "self_service_chaman_000001_a"
key = "acme"
next_key = "next"
"""


@pytest.fixture
def configured(tmp_path):
    """Read a configuration with two keys, whose files nothing looks into."""
    (tmp_path / "keys").mkdir()
    for name in ("acme.pem", "acme.cer", "acme.crt", "next.pem", "both.pass"):
        write_private(tmp_path / name, name)
    return read(write_private(tmp_path / "gateway.toml", PLAIN))


def test_two_exchanges_at_the_same_time_do_not_undo_each_other(configured, tmp_path):
    """The later one finds another file than it has read: it changes nothing, and says the lines."""
    exchange_keys(configured, "employer")
    after = (tmp_path / "gateway.toml").read_bytes()
    with pytest.raises(UnchangedError) as caught:
        exchange_keys(configured, "employer")
    assert "changed meanwhile" in caught.value.reason
    assert (tmp_path / "gateway.toml").read_bytes() == after
    found = lines_after_switch(configured, "employer")
    assert found is not None
    assert found[1] == 'key = "next"\nnext_key = "acme"'


def test_files_that_cannot_be_put_away_are_named_and_stay(configured, tmp_path):
    """A link, a name that is taken, a folder that cannot be made; and what another key uses by whatever spelling."""
    (tmp_path / "acme.cer").rename(tmp_path / "target.cer")
    (tmp_path / "acme.cer").symlink_to("target.cer")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "acme.crt").touch()
    found = {it.path.name: it for it in archive(configured, "acme")}
    assert {name: it.place is None for name, it in found.items()} == {
        "acme.pem": False, "acme.cer": True, "acme.crt": True,
    }  # fmt: skip
    assert "is a link" in found["acme.cer"].reason
    assert "already" in found["acme.crt"].reason
    assert {it.name for it in tmp_path.iterdir()} == {
        "acme.cer", "target.cer", "acme.crt", "next.pem", "both.pass", "keys", "archive", "gateway.toml",
    }  # fmt: skip
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    (tmp_path / "archive").touch()
    assert [(it.place, it.reason) for it in archive(configured, "next")] == [(None, os.strerror(errno.EEXIST))]


async def test_what_cannot_be_written_is_printed(tmp_path, sandbox):
    """Exit code 1, the lines as they have to be, and the file as it was."""
    async with stage(tmp_path, sandbox) as (_, new):
        sandbox.register(CLIENT, new)
    path = tmp_path / "gateway.toml"
    before = path.read_bytes()
    # In the place of the new text, which is never written over anything.
    (tmp_path / f".gateway.toml.{os.getpid()}.new").touch()
    code, said = await cert(tmp_path, "switch")
    assert (code, path.read_bytes()) == (1, before)
    assert "key = 'next'\nnext_key = \"acme\"\n" in said
