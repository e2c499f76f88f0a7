"""Alerts of a gateway that really runs: each kind is produced by a real state, and arrives as a real mail."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from fla_gateway.clock import SystemClock
from fla_gateway.errors import ConfigurationError, ReloadRefusedError
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe.alerts import ledger
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.runtime.composition.resolved_config import read
from fla_gateway.runtime.monitoring.alert_watch import LETTER_SECONDS
from fla_gateway.runtime.monitoring.alerting import Alerting
from fla_gateway.runtime.monitoring.metric_sources import exposition
from fla_gateway.runtime.monitoring.status_report import assemble
from fla_gateway.runtime.monitoring.status_sources import StatusSources
from tests.runtime.test_reload import CALLERS, CONFIGURATION, DIGEST, SHOWN, government, write_key  # noqa: F401 - a fixture
from tests.support.fakes import MovableClock
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_ec, write_private
from tests.support.mail_server import STALL, mail_server
from tests.support.process import token_answer
from tests.support.raw_http import get, ok, post
from tests.support.reloading import reloading
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

PASSWORD = "canary-mail-password-Hv72"
HOOK = "/hook/canary-T0K3N-Rw41"
ALERTS = """
[alerts]
name = "payroll-gateway"
[alerts.mail]
to = ["it@company.example", "payroll@company.example"]
from = "fla-gateway@company.example"
server = "localhost:{port}"
user = "gateway"
password_file = "mail.pass"
ca_file = "roots.pem"
"""
HALF_AN_HOUR = 1801


class Watched:
    """A gateway with its alerts, whose clock a test moves."""

    def __init__(self, running, alerting, sources, clock):
        self.running = running
        self.alerting = alerting
        self.sources = sources
        self.clock = clock

    def look(self, after=LETTER_SECONDS):
        """Let time pass and look."""
        self.clock.advance(after)
        if self.alerting.watch is not None:
            self.alerting.watch.look(self.sources)

    async def mail(self, server, after=LETTER_SECONDS):
        """Look, and give the mail that arrives."""
        number = len(server.mails)
        self.look(after)
        await eventually(lambda: len(server.mails) > number)
        return server.mails[-1]


@pytest.fixture
async def server(api_tls):
    """Run a mail server."""
    async with mail_server(api_tls, password=PASSWORD) as found:
        yield found


@pytest.fixture
async def watch(tmp_path, ca_file, government):  # noqa: F811 - the fixture
    """Start gateways whose alerts are looked for when the test says so."""
    async with AsyncExitStack() as stack:

        async def begin(more="", *, keys=("acme", "other")):
            for name in keys:
                write_key(tmp_path, name)
            (tmp_path / "roots.pem").write_bytes(ca_file.read_bytes())
            write_private(tmp_path / "mail.pass", f"{PASSWORD}\n")
            path, clock = tmp_path / "gateway.toml", MovableClock()
            path.write_text(CONFIGURATION.format(port=government.port, ca_file="roots.pem", more=more))
            alerting = Alerting(read(path), Dialer(SystemClock().monotonic))
            running = await stack.enter_async_context(reloading(path, clock, LineWriter(1, 2)))
            observation = running.observation
            sources = StatusSources(
                gateway=running.gateway, observation=observation, doubts=observation.doubts, state=lambda: "serving",
                clock=clock, started=clock.wall(), reload=lambda: running.reloader.state, alerts=alerting.numbers,
            )  # fmt: skip
            running.reloader.followers.append(alerting.prepare)
            task = asyncio.get_running_loop().create_task(alerting.run(sources))
            stack.push_async_callback(ended, task)
            await asyncio.sleep(0)
            return Watched(running, alerting, sources, clock)

        yield begin


async def ended(task):
    """Cancel what looks and sends."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def write_ending_key(folder, name, **left):
    """Write a key whose certificate ends soon."""
    key = make_ec()
    write_private(folder / f"{name}.pem", key_pem(key))
    certificate = make_certificate(key, not_after=datetime.now(UTC) + timedelta(**left))
    (folder / f"{name}.cer").write_bytes(certificate_pem(certificate))


async def test_the_end_of_a_certificate(watch, server, tmp_path):
    """At its step, at the next one, after the end; the next certificate ends it with a word."""
    write_ending_key(tmp_path, "acme", days=25, hours=1)
    watched = await watch(ALERTS.format(port=server.port), keys=("other",))
    first = await watched.mail(server)
    assert first.message["Subject"] == "[fla-gateway] payroll-gateway ALERT certificate-ends employer"
    assert "25 days are left" in first.text
    assert "the certificate of the key acme." in first.text
    assert "What to do: fla-gateway cert renew employer\n" in first.text
    watched.look(after=5 * 86_400)
    second = await watched.mail(server, after=6 * 86_400 + 7200)
    assert "13 days are left" in second.text
    third = await watched.mail(server, after=14 * 86_400)
    assert "It has ended on" in third.text
    write_key(tmp_path, "acme")
    await watched.running.reload()
    fourth = await watched.mail(server)
    assert fourth.message["Subject"] == "[fla-gateway] payroll-gateway OK certificate-ends employer"
    assert len(server.mails) == 4


async def test_the_end_of_a_callers_key_unless_a_longer_one_is_there(watch, server):
    """Of two keys of a caller, the old one is meant to end."""
    soon = (datetime.now(UTC) + timedelta(days=5)).strftime("%Y-%m-%d")
    later = 'sha256 = "' + "7" * 64 + '"'
    callers = CALLERS.replace(f'{{ sha256 = "{DIGEST}" }}', f'{{ sha256 = "{DIGEST}", expires = {soon} }}')
    rotated = callers.replace("keys = [", f"keys = [{{ {later} }}, ")
    watched = await watch(ALERTS.format(port=server.port) + rotated)
    watched.look()
    await watched.running.change(f"{{ {later} }}, ", "")
    mail = await watched.mail(server)
    assert "caller payroll" in mail.text
    assert "What to do: fla-gateway caller new payroll\n" in mail.text
    assert len(server.mails) == 1


async def test_a_profile_that_is_not_served(watch, server, tmp_path):
    """Its key cannot be read; once it can, the profile is served again."""
    write_private(tmp_path / "other.pem", "no key")
    (tmp_path / "other.cer").write_bytes(certificate_pem(make_certificate(make_ec())))
    watched = await watch(ALERTS.format(port=server.port), keys=("acme",))
    mail = await watched.mail(server)
    assert mail.message["Subject"] == "[fla-gateway] payroll-gateway ALERT profile-not-served other"
    assert "What to do: fla-gateway doctor other\n" in mail.text
    assert "other.pem" not in mail.text
    write_key(tmp_path, "other")
    await watched.running.reload()
    assert "served again" in (await watched.mail(server)).text


async def test_a_profile_without_a_token_for_half_an_hour(watch, server, government):  # noqa: F811 - the fixture
    """The token server refuses it, and still does later."""
    good = government.token
    government.token = lambda _: ok(b'{"error":"invalid_client"}', "Content-Type: application/json", status="400 Bad")
    watched = await watch(ALERTS.format(port=server.port))
    assert (await watched.running.call(get())).status == 503
    watched.look()
    watched.clock.advance(HALF_AN_HOUR)
    assert (await watched.running.call(get())).status == 503
    mail = await watched.mail(server)
    # The refresher asks for the other profile's token as well, sooner or later.
    assert "no-token" in mail.message["Subject"]
    assert "The profile employer has got no token for 30 minutes (token-refused)." in mail.text
    assert "What to do: fla-gateway doctor employer\n" in mail.text
    government.token = good
    while (await watched.running.call(get())).status != 200:
        watched.clock.advance(HALF_AN_HOUR)
    while "The profile employer gets tokens again." not in (await watched.mail(server)).text:
        assert len(server.mails) < 5


async def test_an_api_that_fails_for_half_an_hour(watch, server, government):  # noqa: F811 - the fixture
    """Not for less; and that it answers again is said."""
    government.token = lambda _: token_answer("token", seconds=86_400)
    government.api = lambda _: ok(b"", status="503 Service Unavailable")
    watched = await watch(ALERTS.format(port=server.port))
    await watched.running.call(get("/employer/REST/dimona/v2/x"))
    watched.look()
    watched.clock.advance(HALF_AN_HOUR)
    await watched.running.call(get("/employer/REST/dimona/v2/x"))
    mail = await watched.mail(server)
    assert mail.message["Subject"] == "[fla-gateway] payroll-gateway ALERT api-failing employer"
    assert "Calls of the profile employer to dimona have failed for 30 minutes (503)." in mail.text
    government.api = lambda _: ok(b"")
    await watched.running.call(get("/employer/REST/dimona/v2/x"))
    assert "dimona answers the profile employer again." in (await watched.mail(server)).text
    assert len(server.mails) == 2


async def test_a_call_in_doubt(watch, server, government):  # noqa: F811 - the fixture
    """At once; that it was settled is said. Nothing of the call is in the mail."""
    government.api = lambda _: ok(b"", status="500 Internal Server Error")
    watched = await watch(ALERTS.format(port=server.port))
    answer = await watched.running.call(post(b"85073003328", path="/employer/REST/dimona/v2/85073003328"))
    mail = await watched.mail(server)
    assert mail.message["Subject"] == "[fla-gateway] payroll-gateway ALERT calls-in-doubt"
    assert "What to do: fla-gateway audit show --in-doubt\n" in mail.text
    assert "85073003328" not in mail.content.decode()
    (request_id,) = (it.request_id for it, _ in watched.running.observation.doubts._last)
    assert answer.status == 500
    watched.running.observation.doubts.settle([request_id])
    assert "No call is in doubt any more." in (await watched.mail(server)).text


async def test_a_refused_reload(watch, server):
    """Once for all attempts, until one is applied."""
    watched = await watch(ALERTS.format(port=server.port))
    for _ in range(2):
        watched.running.rewrite("[gateway]", "[gateway]\ndrain_secnds = 3")
        with pytest.raises(ReloadRefusedError):
            await watched.running.reload()
        if not server.mails:
            mail = await watched.mail(server)
            assert "refused for 1 fault" in mail.text
            assert "What to do: fla-gateway check\n" in mail.text
    watched.look()
    text = watched.running.path.read_text().replace("\ndrain_secnds = 3", "")
    watched.running.path.write_text(text)
    await watched.running.reload()
    assert "is in force" in (await watched.mail(server)).text
    assert len(server.mails) == 2


async def test_what_is_found_within_five_minutes_is_one_mail(watch, server, tmp_path):
    """The first at once, the others together."""
    write_ending_key(tmp_path, "acme", days=25, hours=1)
    watched = await watch(ALERTS.format(port=server.port), keys=("other",))
    await watched.mail(server)
    write_private(tmp_path / "other.pem", "no key")
    for name in ("hr", "pay"):
        table = f'[profiles.{name}]\nenvironment = "stub"\nclient_id = "{name}"\nkey = {{ pem = "none.pem" }}\n[log]'
        await watched.running.change("[log]", table)
    watched.look(after=60)
    watched.look(after=60)
    mail = await watched.mail(server, after=LETTER_SECONDS)
    assert mail.message["Subject"] == "[fla-gateway] payroll-gateway ALERT 2 profile-not-served"
    assert len(server.mails) == 2
    assert ledger.QUIET_SECONDS > LETTER_SECONDS


async def test_a_reload_changes_alerts(watch, server, api_tls):
    """They begin, go to another server, and end with the configuration; a password that cannot be read refuses it."""
    watched = await watch("")
    watched.running.rewrite("[gateway]", "[gateway]\ndrain_secnds = 3")
    with pytest.raises(ReloadRefusedError):
        await watched.running.reload()
    watched.look()
    assert (watched.alerting.watch, watched.alerting.numbers()) == (None, {})
    await watched.running.change("\ndrain_secnds = 3", "")
    table = ALERTS.format(port=server.port)
    await watched.running.change("[log]", f"{table}[log]")
    await asyncio.sleep(0)
    watched.running.rewrite("[gateway]", "[gateway]\ndrain_secnds = 3")
    with pytest.raises(ReloadRefusedError):
        await watched.running.reload()
    await watched.mail(server)
    watched.running.rewrite("\ndrain_secnds = 3", "")
    async with mail_server(api_tls, password=PASSWORD) as other:
        await watched.running.change(f"localhost:{server.port}", f"localhost:{other.port}")
        await watched.mail(other)
        with pytest.raises(ReloadRefusedError) as caught:
            await watched.running.change('"mail.pass"', '"none.pass"')
        assert [it.place for it in caught.value.faults] == ["alerts.mail.password_file"]
        watched.running.rewrite('"none.pass"', '"mail.pass"')
        await watched.running.change(table.replace(str(server.port), str(other.port)), "")
        assert watched.alerting.numbers() == {}
        assert len(other.mails) == 1


async def test_a_start_without_the_password_is_a_fault(tmp_path):
    """As is one whose roots are none: named by their keys, before anything is served."""
    (tmp_path / "roots.pem").write_text("no certificate")
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIGURATION.format(port=1, ca_file="roots.pem", more=ALERTS.format(port=2)))
    with pytest.raises(ConfigurationError) as caught:
        Alerting(read(path), Dialer(SystemClock().monotonic))
    assert caught.value.faults[0].path in {"alerts.mail.password_file", "alerts.mail.ca_file"}


async def test_no_secret_stands_in_log_metrics_status_or_repr(watch, server, tmp_path, api_tls):
    """Neither the password nor the webhook's address, while both servers repeat what they were sent."""

    async def echo(request):
        return web.Response(status=500, text=f"{request.path} {await request.text()}", headers={"X-Echo": request.path})

    application = web.Application()
    application.router.add_post("/{path:.*}", echo)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0, ssl_context=api_tls).start()
    hook = f'[alerts.webhook]\nurl = "https://localhost:{runner.addresses[0][1]}{HOOK}"\nca_file = "roots.pem"\n'
    server.answers["AUTH"] = lambda line: f"535 5.7.8 {line} {PASSWORD}"
    write_private(tmp_path / "other.pem", "no key")
    (tmp_path / "other.cer").write_bytes(certificate_pem(make_certificate(make_ec())))
    with capture_logs() as events:
        watched = await watch(ALERTS.format(port=server.port) + hook, keys=("acme",))
        watched.look()
        await eventually(lambda: all(it.failures for it in watched.alerting.numbers().values()))
        status = await assemble(watched.sources)
        numbers = exposition(
            watched.running.gateway, watched.running.observation, watched.running.client, watched.clock, {},
            lambda: watched.running.reloader.state, lambda: (), watched.alerting.numbers,
        ).text()  # fmt: skip
        configured = watched.running.reloader.in_force
        watch_of = watched.alerting.watch
        shown = f"{status!r}{numbers.decode()}{configured!r}{watch_of.__dict__!r}{watch_of._outboxes!r}"
        for outbox in watched.alerting.watch._outboxes.values():
            outbox.give_up("stopping")
    await runner.cleanup()
    assert [it["event"] for it in events].count("alert-failing") == 2
    assert [it["event"] for it in events].count("alert-lost") == 2
    assert 'fla_gateway_alert_failures_total{channel="webhook"} 1.0' in numbers.decode()
    assert 'fla_gateway_alert_failures_total{channel="mail"} 1.0' in numbers.decode()
    haystack = shown + json.dumps(events, default=repr)
    encoded = server.lines[-1].split()[-1]
    for secret in (PASSWORD, HOOK, encoded):
        assert secret not in haystack


async def test_the_language_is_the_gateways(watch, server, tmp_path):
    """It follows a reload; subject and codes stay as they are."""
    write_private(tmp_path / "other.pem", "no key")
    (tmp_path / "other.cer").write_bytes(certificate_pem(make_certificate(make_ec())))
    watched = await watch(ALERTS.format(port=server.port), keys=("acme",))
    await watched.running.change("[gateway]", '[gateway]\nlanguage = "nl"')
    mail = await watched.mail(server)
    assert mail.message["Content-Language"] == "nl"
    assert mail.message["Subject"] == "[fla-gateway] payroll-gateway ALERT profile-not-served other"


async def test_a_reload_about_something_else_keeps_what_sends(watch, server):
    """And with it the pause of a server that is down; other bytes of the password make another one."""
    watched = await watch(ALERTS.format(port=server.port))
    channel = watched.alerting.watch._channels[0]
    await watched.running.change("[gateway]\n", "[gateway]\ndrain_seconds = 3\n")
    assert watched.alerting.watch._channels[0] is channel
    watched.running.path.with_name("mail.pass").write_text("another")
    await watched.running.reload()
    assert watched.alerting.watch._channels[0] is not channel
    assert watched.alerting.watch._channels[0].server.password.reveal() == "another"


async def test_the_end_waits_for_no_mail_server(watch, server, tmp_path):
    """What is under way is cut off, and what was not sent is in the log."""
    write_private(tmp_path / "other.pem", "no key")
    (tmp_path / "other.cer").write_bytes(certificate_pem(make_certificate(make_ec())))
    server.answers["MAIL"] = STALL
    watched = await watch(ALERTS.format(port=server.port), keys=("acme",))
    watched.look()
    await server.began.wait()
    with capture_logs() as events:
        (task,) = (it for it in asyncio.all_tasks() if "Alerting.run" in repr(it))
        await ended(task)
    (lost,) = (it for it in events if it["event"] == "alert-lost")
    assert (lost["why"], lost["texts"]) == (
        "stopping", ["The profile other is not served: its key cannot be used."],
    )  # fmt: skip
    await server.left.wait()


async def test_a_fault_of_ones_own_ends_nothing(watch, server):
    """It is logged, and the next look is made."""
    watched = await watch(ALERTS.format(port=server.port))
    broken = replace(watched.sources, reload=lambda: None)
    with capture_logs() as events:
        watched.alerting.watch._look_safely(broken)
    assert [it["event"] for it in events] == ["alerting-failed"]


async def test_a_start_without_alerts_reads_nothing_of_them():
    """Modules of theirs, and those of mail, cost time and memory of every start."""
    program = "import sys, fla_gateway.runtime.assembly; print(*(it for it in sys.modules if '.alerts' in it))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    shown, _ = await process.communicate()
    assert shown == b"\n"
