"""What the status page tells of a gateway that really runs."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.admin.status.in_doubt_calls import DoubtfulCalls
from fla_gateway.admin.status.status_json import write
from fla_gateway.build_info import is_compiled
from fla_gateway.cli.remote.status_text import lines
from fla_gateway.config.schema import KeySource
from fla_gateway.errors import ProblemError, UnusableKeyError
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.journal.writer.open_intents import LookBack, OpenDoubt
from fla_gateway.keys.load import load_key
from fla_gateway.listeners.tls_context import ListenerContext
from fla_gateway.observe.api_health import ApiHealth
from fla_gateway.observe.fan_out import FanOut
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.observe.metrics.counters import Counters
from fla_gateway.observe.recent_exchanges import RecentExchanges
from fla_gateway.observe.unknown_callers import UnknownCallers
from fla_gateway.runtime.monitoring.earlier_doubts import recall_doubts
from fla_gateway.runtime.monitoring.known_expiries import known_expiries, watch_expiries
from fla_gateway.runtime.monitoring.status_report import assemble
from fla_gateway.runtime.monitoring.status_sources import StatusSources
from fla_gateway.runtime.monitoring.telemetry import Observation
from fla_gateway.runtime.reload_state import ReloadState
from tests.runtime.test_generations import publish
from tests.support.keys import make_ec, write_identity
from tests.support.raw_http import get, ok, post
from tests.support.waiting import eventually

KEY = new_key()
CALLERS = f"""
[callers.payroll]
keys = [{{ sha256 = "{digest(KEY)}", expires = 2099-06-30 }}]
[callers.payroll.allow]
employer = ["GET /REST/**"]
"""
BEARER = f"Authorization: Bearer {KEY}"


class Told:
    """A status of a rig, with all that happened in it."""

    def __init__(self, rig, folder, **changes):
        self._rig = rig
        self._folder = folder
        self._changes = changes
        self._recent, self._doubts = RecentExchanges(bytes(32)), DoubtfulCalls(bytes(32), rig.clock.wall())
        self._health = ApiHealth()
        self._started = rig.clock.wall()

    @property
    def sources(self):
        """Give where it comes from."""
        counters = Counters()
        fan_out = FanOut((counters,), lambda _: None)
        observation = Observation(
            observer=fan_out, fan_out=fan_out, counters=counters,
            recent=self._recent, health=self._health, doubts=self._doubts, output=LineWriter(1, 2),
            journal=self._changes.pop("journal", None), key=bytes(32), clock=self._rig.clock,
        )  # fmt: skip
        path = self._rig.gateway
        if "keys" in self._changes:
            path.current = replace(path.current, keys=self._changes["keys"])
        return StatusSources(
            gateway=self._rig.gateway,
            observation=observation,
            doubts=self._doubts,
            state=lambda: "serving",
            clock=self._rig.clock,
            started=self._started,
            reload=lambda: ReloadState(1, successful=True, last_success=self._started),
        )

    async def __call__(self):
        """Tell the state of this moment."""
        while not self._rig.records.empty():
            record = await self._rig.records.next()
            self._recent.exchange(record)
            self._health.exchange(record)
            self._doubts.exchange(record)
        return await assemble(self.sources)


async def test_a_gateway_that_was_just_started(rig, tmp_path):
    """Profile, listeners and configuration are there; nobody is asked who he is, and nothing has happened."""
    status = await Told(rig, tmp_path)()
    (profile,) = status.profiles
    assert (status.state, status.callers, status.recent, status.journal) == ("serving", None, (), None)
    assert timedelta(0) <= status.time - status.started < timedelta(seconds=10)
    assert status.configuration.files == (str(tmp_path / "gateway.toml"),)
    assert [(it.address, it.profile, it.tls, it.local) for it in status.listeners] == [
        (f"127.0.0.1:{rig.port}", None, False, True)
    ]
    assert (profile.name, profile.environment, profile.production, profile.served) == (
        "employer", "stand-in", False, True,
    )  # fmt: skip
    assert profile.token is not None
    assert (profile.token.state, profile.token.failures) == ("none", 0)
    assert status.compiled == is_compiled()
    assert (profile.minutes, profile.last_success, profile.certificate) == ((), None, None)


async def test_a_profile_that_a_reload_takes_out_meanwhile_is_shown_to_its_end(rig, tmp_path):
    """Profiles are put together over several turns of the loop, and all of them are of one generation."""
    sources = Told(rig, tmp_path).sources
    fingerprint = rig.gateway.current.configured.fingerprint
    assembling = asyncio.create_task(assemble(sources))
    await asyncio.sleep(0)
    publish(rig, tmp_path, "[profiles.employer]", "[profiles.successor]")
    status = await assembling
    assert [(it.name, it.served) for it in status.profiles] == [("employer", True)]
    assert status.configuration.fingerprint == fingerprint
    assert [it.name for it in (await assemble(sources)).profiles] == ["successor"]


async def test_calls_are_told_with_their_token(rig, tmp_path):
    """After a good call: the token and its renewal, the last success, the traffic and the masked call."""
    told = Told(rig, tmp_path)
    await rig.call(get("/employer/REST/dimona/v2/declarations/90010112345"))
    status = await told()
    (profile,) = status.profiles
    assert profile.token is not None
    assert profile.token.state == "fresh"
    assert profile.token.obtained is not None
    assert profile.token.renewal is not None
    assert timedelta(minutes=30) <= profile.token.renewal - profile.token.obtained <= timedelta(minutes=45)
    assert (len(profile.minutes), sum(it.answered for it in profile.minutes)) == (60, 1)
    assert profile.last_success == status.recent[0].time
    assert "90010112345" not in status.recent[0].path
    assert status.recent[0].status == 200
    assert profile.pool is not None
    assert profile.pool.idle == 1


async def test_a_token_that_cannot_be_had_is_told_with_its_reason(rig, tmp_path):
    """Code, words and the time of the next attempt; the call that failed for it is the last failure."""
    rig.tokens.failures.append(ProblemError("token-refused", Text("unknown client"), 40))
    await rig.call(get())
    status = await Told(rig, tmp_path)()
    (profile,) = status.profiles
    assert profile.token is not None
    assert (profile.token.state, profile.token.failures) == ("none", 1)
    assert profile.token.last_failure is not None
    assert (profile.token.last_failure.code, profile.token.last_failure.detail) == ("token-refused", "unknown client")
    assert profile.token.renewal is not None
    assert profile.token.renewal >= status.time + timedelta(seconds=39)
    assert profile.last_failure is not None
    assert (profile.last_failure.code, profile.last_failure.status) == ("token-refused", 503)


async def test_a_failure_of_the_api_leaves_a_post_in_doubt(rig, tmp_path):
    """An upstream 503 to a declaration: last failure, and a doubt with the caller's reference."""
    rig.api.answer = lambda _: ok(b"", status="503 Service Unavailable")
    told = Told(rig, tmp_path)
    await rig.call(post(b"{}", "Fla-Gateway-Reference: client 4711"), "POST")
    status = await told()
    (doubt,) = status.doubts.calls
    assert (status.doubts.number, doubt.reason, doubt.method, doubt.reference) == (
        1,
        "server-error",
        "POST",
        "client 4711",
    )
    assert status.profiles[0].last_failure is not None
    assert status.profiles[0].last_failure.status == 503


async def test_a_brake_is_told_until_its_end(rig, tmp_path):
    """An API that asks for patience is named with the moment when calls go on."""
    rig.api.answer = lambda _: ok(b"", "Retry-After: 30", status="429 Too Many Requests")
    await rig.call(get())
    status = await Told(rig, tmp_path)()
    (brake,) = status.profiles[0].brakes
    assert (brake.service, brake.reason) == ("dimona", "api")
    assert timedelta(seconds=29) <= brake.until - status.time <= timedelta(seconds=30)


async def test_callers_are_told_without_their_keys(start, tmp_path):
    """Names, kinds of proof, ends of keys and profiles; of a key's digest no more than names it."""
    rig = await start(more=CALLERS)
    await rig.call(get("/employer/REST/dimona/v2/x", BEARER))
    status = await Told(rig, tmp_path)()
    assert status.callers is not None
    (caller,) = status.callers
    assert (caller.name, caller.proofs, caller.profiles) == ("payroll", ("key",), ("employer",))
    assert caller.keys[0].id == digest(KEY)[:8]
    assert caller.keys[0].expires == datetime(2099, 7, 1, tzinfo=UTC)
    assert digest(KEY) not in repr(status)


async def test_a_certificate_is_told_with_the_days_that_are_left(rig, tmp_path):
    """Subject and end of the certificate beside the key, judged by the gateway's own clock."""
    key_file, certificate_file = write_identity(tmp_path)
    now = datetime.fromtimestamp(rig.clock.wall(), UTC)
    key = load_key("profile:employer", KeySource(pem=key_file, certificate=certificate_file), {}, now)
    status = await Told(rig, tmp_path, keys={"profile:employer": key})()
    certificate = status.profiles[0].certificate
    assert certificate is not None
    assert key.certificate is not None
    assert certificate.subject == key.certificate.subject
    assert certificate.days_left == (key.certificate.not_after - now).days


async def test_a_profile_that_is_not_served_says_why(start, tmp_path):
    """Without token and connections, with the reason."""
    rig = await start(unavailable={"employer": "the password is wrong"})
    keys = {"profile:employer": UnusableKeyError(Message("wrong", "the password is wrong"), NOTHING)}
    (profile,) = (await Told(rig, tmp_path, keys=keys)()).profiles
    assert (profile.served, profile.why_not, profile.token) == (False, "the password is wrong", None)
    finding = profile.finding
    assert finding is not None
    assert (finding.code, finding.verdict, finding.seen) == ("key", "fatal", "the password is wrong")
    assert finding.anchor == "docs/doctor.md#key"
    assert "fla-gateway doctor employer" in "\n".join(lines(json.loads(write(await Told(rig, tmp_path, keys=keys)()))))


async def test_doubts_of_earlier_runs_come_from_the_journal(rig, tmp_path):
    """What a crash left without an outcome is told with the rest."""

    class Journal:
        async def find_doubts(self):
            call = OpenDoubt("2026-11-02T08:15:00.123Z", "an-id", "payroll", "employer", "POST", "/REST/x", "ref")
            return LookBack(3, [call], "2026-10-27T08:15:00.123Z", [])

    told = Told(rig, tmp_path, journal=Journal())
    await recall_doubts(told.sources)
    doubts = (await told()).doubts
    (doubt,) = doubts.calls
    assert (doubts.number, doubts.looked_back) == (3, datetime(2026, 10, 27, 8, 15, 0, 123_000, tzinfo=UTC))
    assert (doubt.reason, doubt.reference) == ("no-outcome", "ref")
    assert doubt.time == datetime(2026, 11, 2, 8, 15, 0, 123_000, tzinfo=UTC)


async def test_a_door_of_one_profile_is_told_as_such(start, tmp_path):
    """Its address stands with the profile's name, also where the system chose the port."""
    rig = await start(profile='listen = "127.0.0.2:0"')
    found = [(it.address.partition(":")[0], it.profile) for it in (await Told(rig, tmp_path)()).listeners]
    assert found == [("127.0.0.1", None), ("127.0.0.2", "employer")]


async def test_the_status_is_that_of_the_generation_which_is_current(rig, tmp_path):
    """After another one is published, profiles, limits and fingerprint are its own."""
    told = Told(rig, tmp_path)
    before = await told()
    publish(rig, tmp_path, "[profiles.employer]", "[profiles.successor]")
    after = await told()
    assert [it.name for it in before.profiles] == ["employer"]
    assert [it.name for it in after.profiles] == ["successor"]
    assert before.configuration.fingerprint != after.configuration.fingerprint


async def test_ends_are_those_of_what_is_in_force(start, tmp_path):
    """Certificates of signing keys with their profiles, those of listeners, and keys of callers; the soonest first."""
    key_file, certificate_file = write_identity(tmp_path)
    loaded = load_key("profile:employer", KeySource(pem=key_file, certificate=certificate_file), {}, datetime.now(UTC))
    assert loaded.certificate is not None
    key = replace(loaded, certificate=replace(loaded.certificate, not_after=datetime(2026, 1, 1, tzinfo=UTC)))
    rig = await start(more=CALLERS.replace("2099-06-30", "2026-01-05"))
    told = Told(rig, tmp_path, keys={"profile:employer": key})
    context = ListenerContext(ssl.PROTOCOL_TLS_SERVER)
    context.certificate_end = datetime(2026, 1, 3, tzinfo=UTC)
    sources = told.sources
    sources.admin_tls.append(context)
    assert [(it.kind, it.ends.day, it.profiles) for it in sorted(known_expiries(sources), key=lambda it: it.ends)] == [
        ("certificate", 1, ("employer",)),
        ("listener-certificate", 3, ()),
        ("caller-key", 6, ()),
    ]
    ends = (await assemble(sources)).ends
    assert [it.kind for it in ends] == ["certificate", "listener-certificate", "caller-key"]
    assert digest(KEY) not in repr(ends)


async def test_a_certificate_that_ends_during_the_run(start, tmp_path):
    """Served all the time: an event before the end and one after it, and each surface names the one command."""
    key_file, certificate_file = write_identity(tmp_path, key=make_ec())
    loaded = load_key("profile:employer", KeySource(pem=key_file, certificate=certificate_file), {}, datetime.now(UTC))
    assert loaded.certificate is not None
    rig = await start()
    ends = datetime.fromtimestamp(rig.clock.wall() + 1800, UTC)
    key = replace(loaded, certificate=replace(loaded.certificate, not_after=ends))
    told = Told(rig, tmp_path, keys={"profile:employer": key})
    with capture_logs() as events:
        watching = asyncio.create_task(watch_expiries(told.sources, every=0.01))
        await eventually(lambda: events)
        assert "fla-gateway cert renew employer" in "\n".join(lines(json.loads(write(await told()))))
        rig.clock.advance(3600)
        await eventually(lambda: len(events) == 2)
        watching.cancel()
    assert [(it["event"], it["log_level"], it["profiles"]) for it in events] == [
        ("expires-soon", "warning", ["employer"]), ("expired", "error", ["employer"]),
    ]  # fmt: skip
    assert all("fla-gateway cert renew" in it["cure"] for it in events)
    document = json.loads(write(await told()))
    (profile,) = document["profiles"]
    assert (profile["served"], profile["level"], profile["findings"][0]) == (True, "bad", "certificate-ended")
    assert [(it["kind"], it["days_left"]) for it in document["ends"]] == [("certificate", -1)]
    assert "the certificate has expired: fla-gateway cert renew employer" in "\n".join(lines(document))
    assert (await rig.call(get("/employer/REST/dimona/v2/x"))).status == 200


async def test_what_is_measured_and_refused_is_in_the_status(rig, tmp_path):
    """The clock's offset by server, APIs that fail, and calls without a valid key."""
    told = Told(rig, tmp_path)
    rig.api.answer = lambda request: ok(b"", status="503 Service Unavailable")
    await rig.call(get("/employer/REST/dimona/v2/x"))
    await told()
    unknown = UnknownCallers(rig.clock, lambda *_: None)
    one, other = socket.socketpair()
    with one, other:
        unknown.note("credentials-missing", Transport(one))
    sources = replace(told.sources, offsets=lambda: {"https://tokens": 31.5}, unknown_callers=unknown.read)
    status = await assemble(sources)
    assert [(it.server, it.offset_seconds) for it in status.clocks] == [("https://tokens", 31.5)]
    assert [(it.service, it.reason, it.failures) for it in status.profiles[0].failing] == [("dimona", "503", 1)]
    assert status.unknown_callers is not None
    assert (status.unknown_callers.count, status.unknown_callers.code) == (1, "credentials-missing")


class Transport:
    """What asyncio says of a connection."""

    def __init__(self, sock):
        self._sock = sock

    def get_extra_info(self, name):
        """Give its socket."""
        return self._sock if name == "socket" else None
