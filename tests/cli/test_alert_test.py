"""`fla-gateway alert test`, against servers that really speak SMTP and https."""

from __future__ import annotations

import asyncio
import contextlib
import io
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from aiohttp import web

from fla_gateway.cli.main import execute
from tests.support.keys import TlsAuthority, make_ec, write_identity, write_private
from tests.support.mail_server import mail_server
from tests.support.waiting import PATIENCE

PASSWORD = "canary-mail-password-Lk33"
HOOK = "/hook/canary-T0K3N-Mm55"
CONFIGURATION = """
[profiles.employer]
environment = "simulation"
client_id = "client-1"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
{alerts}
"""
MAIL = """
[alerts.mail]
to = ["it@company.example", "payroll@company.example"]
from = "fla-gateway@company.example"
server = "localhost:{port}"
user = "gateway"
password_file = "mail.pass"
ca_file = "ca.pem"
"""
WEBHOOK = """
[alerts.webhook]
url = "https://localhost:{port}{hook}"
ca_file = "ca.pem"
"""


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def command(*words):
    """Run a command line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = execute(words)
    return Ended(code, out.getvalue(), err.getvalue())


async def run(folder, alerts, *words, name=("alert", "test")):
    """Run the command while the servers of the test answer."""
    file = folder / "gateway.toml"
    file.write_text(CONFIGURATION.format(alerts=alerts))
    async with asyncio.timeout(PATIENCE):
        return await asyncio.to_thread(command, *name, "--config", str(file), *words)


@pytest.fixture(scope="module")
def authority():
    """Make the authority that signs the servers' certificates."""
    return TlsAuthority()


@pytest.fixture
def folder(tmp_path, authority):
    """Write what the configuration names."""
    authority.write_root(tmp_path)
    write_identity(tmp_path, key=make_ec())
    write_private(tmp_path / "mail.pass", f"{PASSWORD}\n")
    return tmp_path


@asynccontextmanager
async def hook(tls, status=204):
    """Run a receiver."""
    seen = []

    async def take(request):
        seen.append(await request.json())
        return web.Response(status=status)

    application = web.Application()
    application.router.add_post(HOOK, take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0, ssl_context=tls).start()
    yield runner.addresses[0][1], seen
    await runner.cleanup()


async def test_each_server_is_named_with_what_it_answered(folder, authority):
    """One alert by each way; neither password nor path is shown."""
    tls = authority.server_context(folder)
    async with mail_server(tls, password=PASSWORD) as server, hook(tls) as (port, seen):
        ended = await run(folder, MAIL.format(port=server.port) + WEBHOOK.format(port=port, hook=HOOK))
        (mail,) = server.mails
    assert ended.out.splitlines() == [
        f"mail: localhost:{server.port} took it. It answered: 250 2.0.0 OK queued as 4711",
        "webhook: localhost took it. It answered: 204",
    ]
    assert ended.code == 0
    assert str(mail.message["Subject"]).endswith(" ALERT test")
    assert "This is a test" in mail.text
    assert [it["code"] for it in seen[0]["alerts"]] == ["test"]
    assert "canary" not in ended.out + ended.err


async def test_an_option_chooses_one_way(folder, authority):
    """The other one is left alone."""
    tls = authority.server_context(folder)
    async with mail_server(tls, password=PASSWORD) as server, hook(tls, 500) as (port, seen):
        alerts = MAIL.format(port=server.port) + WEBHOOK.format(port=port, hook=HOOK)
        assert (await run(folder, alerts, "--mail")).code == 0
        assert not seen
        ended = await run(folder, alerts, "--webhook")
        assert len(server.mails) == 1
    assert ended.out == "webhook: localhost did not take it. The webhook answered 500. It answered: 500\n"
    assert ended.code == 1


async def test_a_refusal_is_shown_with_the_servers_words(folder, authority):
    """But not where they may repeat the password."""
    async with mail_server(authority.server_context(folder), password=PASSWORD) as server:
        server.answers["RCPT"] = "550 5.1.1 no such mailbox"
        ended = await run(folder, MAIL.format(port=server.port))
        assert "It answered: 550 5.1.1 no such mailbox" in ended.out
        server.answers["RCPT"] = lambda line: "550 5.1.1 no" if "payroll" in line else None
        partly = await run(folder, MAIL.format(port=server.port))
        assert "but not for 1 of the recipients" in partly.out
        server.answers["AUTH"] = lambda line: f"535 5.7.8 {line} {PASSWORD}"
        wrong = await run(folder, MAIL.format(port=server.port))
    assert "refused user name or password (535 5.7.8)" in wrong.out
    assert ended.code == partly.code == wrong.code == 1
    assert "canary" not in wrong.out + wrong.err
    assert server.lines[-1].split()[-1] not in wrong.out + wrong.err


@pytest.mark.parametrize(
    ("alerts", "words", "place"),
    [("", (), "alerts"), (MAIL.format(port=1), ("--webhook",), "alerts.webhook")],
)
async def test_what_is_not_configured_is_wrong_use(folder, alerts, words, place):
    """And nothing is sent."""
    ended = await run(folder, alerts, *words)
    assert ended.code == 2
    assert f"{place}: is not in the configuration" in ended.err


@pytest.mark.parametrize("name", [("alert", "test"), ("check",)])
async def test_a_password_file_that_is_not_there_is_a_fault(folder, name):
    """`check` finds it as well, before a start does."""
    (folder / "mail.pass").unlink()
    ended = await run(folder, MAIL.format(port=1), name=name)
    assert ended.code == 2
    assert "alerts.mail.password_file: cannot be read" in ended.err


async def test_a_password_file_that_others_can_read_is_a_warning(folder):
    """As that of a key is, and as that of the corporate proxy is."""
    (folder / "mail.pass").chmod(0o644)
    (folder / "proxy.pass").write_text("secret")
    (folder / "proxy.pass").chmod(0o644)
    egress = '[egress]\nproxy = "http://proxy:1"\nproxy_user = "x"\nproxy_password_file = "proxy.pass"\n'
    ended = await run(folder, MAIL.format(port=1) + egress, name=("check",))
    for place in ("alerts.mail.password_file", "egress.proxy_password_file"):
        assert f"{place}: {folder}" in ended.out
    assert ended.out.count("can be read by other users of this machine") == 2
