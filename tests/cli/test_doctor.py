"""`fla-gateway doctor`: each failure is produced for real, against servers over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from fla_gateway.cli.main import execute
from tests.support.keys import TlsAuthority, certificate_pem, key_pem, make_certificate, make_ec, write_identity
from tests.support.waiting import PATIENCE

PAIR = make_ec()
"""Its kind does not count here: it is validated in a hundredth of the time that RSA takes."""
DIMONA = "scope:dimona:declaration:declarant scope:dimona:declaration:consult"
CONFIGURATION = """
{more}
[profiles.employer]
environment = "staging"
client_id = "client-1"
services = ["dimona"]
{profile}
key = {{ pem = "acme.pem", certificate = "acme.cer" }}

[environments.staging]
api_base = "https://{api}"
token_url = "https://{host}:{port}/REST/oauth/v5/token"
ca_file = "ca.pem"
"""


class Ended(NamedTuple):
    code: int | None
    out: str
    err: str

    @property
    def checks(self):
        """Give the checks of --json by branch and code."""
        (profile,) = json.loads(self.out)["profiles"]
        return {f"{it['branch']}/{it['code']}": it for it in profile["checks"]}

    @property
    def verdicts(self):
        """Give what is neither fine nor skipped."""
        return {name: it["verdict"] for name, it in self.checks.items() if it["verdict"] in {"warning", "fatal"}}


def doctor(file, *words):
    """Run the command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = execute(["doctor", "--config", str(file), *words])
    return Ended(code, out.getvalue(), err.getvalue().removeprefix(f"configuration: {file}\n"))


async def run_doctor(file, *words):
    """Run the command while the servers of the test answer."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.to_thread(doctor, file, *words)


class Staging:
    """A token server with the answers of a test, and the configuration that leads there."""

    def __init__(self, folder):
        self.folder = folder
        self.answers = []
        self.forms = []
        self.port = 0

    async def answer(self, request):
        self.forms.append(dict(await request.post()))
        return self.answers.pop(0) if self.answers else granted()

    def configure(self, *, host="localhost", port=None, api=None, more="", profile=""):
        """Write the configuration."""
        port = port or self.port
        text = CONFIGURATION.format(host=host, port=port, api=api or f"{host}:{port}", more=more, profile=profile)
        file = self.folder / "gateway.toml"
        file.write_text(text)
        return file


@pytest.fixture
async def staging(tmp_path):
    """Start a token server."""
    authority = TlsAuthority()
    authority.write_root(tmp_path)
    write_identity(tmp_path, key=PAIR)
    found = Staging(tmp_path)
    application = web.Application()
    application.router.add_post("/REST/oauth/v5/token", found.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0, ssl_context=authority.server_context(tmp_path)).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


def granted(scope=DIMONA, **headers):
    """Make an answer with a token."""
    document = {"access_token": "canary-token", "token_type": "Bearer", "expires_in": 600, "scope": scope}
    return web.json_response(document, headers=headers)


def refused(error="invalid_client", description="no", status=400, headers=None):
    """Make a refusal."""
    return web.json_response({"error": error, "error_description": description}, status=status, headers=headers)


async def test_of_a_profile_that_works_everything_is_fine(staging):
    """Each branch is checked, what is no cause is named, and the exit code is 0."""
    ended = await run_doctor(staging.configure(), "employer")
    assert (ended.code, ended.err) == (0, "")
    assert "FATAL" not in ended.out
    assert ended.out.endswith("Nothing found.\n\n")
    assert "canary" not in ended.out
    assert len(staging.forms) == 1


async def test_a_password_that_is_wrong_ends_it_before_anything_is_sent(staging):
    """A key that cannot be read is fatal; no connection is opened."""
    file = staging.configure()
    (staging.folder / "acme.pem").write_text("nothing")
    ended = await run_doctor(file, "--json")
    assert (ended.code, ended.verdicts) == (1, {"machine/key": "fatal"})
    assert ended.checks["machine/key"]["cure"]
    assert {it["verdict"] for it in ended.checks.values() if it["branch"] != "machine"} == {"skipped"}
    assert staging.forms == []


def _no_file(folder):
    (folder / "acme.pem").unlink()


def _readable_by_all(folder):
    (folder / "acme.pem").chmod(0o644)


def _configuration_writable_by_all(folder):
    (folder / "gateway.toml").chmod(0o666)


def _certificate(folder, key=None, **changes):
    (folder / "acme.cer").write_bytes(certificate_pem(make_certificate(key or PAIR, **changes)))


def _of_another_key(folder):
    _certificate(folder, make_ec())


def _not_valid_yet(folder):
    _certificate(folder, not_before=datetime.now(UTC) + timedelta(days=2))


def _ends_soon(folder):
    _certificate(folder, not_after=datetime.now(UTC) + timedelta(days=5, hours=1))


def _without_usage(folder):
    _certificate(folder, key_usage=None)


@pytest.mark.parametrize(
    ("breakage", "verdict", "seen", "cure"),
    [
        (_no_file, {"machine/files": "fatal"}, "does not exist", "check the path"),
        (_readable_by_all, {"machine/files": "warning"}, "read by other users", "chmod 600"),
        (_configuration_writable_by_all, {"machine/files": "warning"}, "other users may write to it", "chmod o-w"),
        (_of_another_key, {"machine/key-matches-certificate": "fatal"}, "does not belong", "made with this key"),
        (_not_valid_yet, {"machine/certificate-dates": "fatal"}, "valid only from", "check this machine's clock"),
        (_ends_soon, {"machine/certificate-dates": "warning"}, "5 days left", "fla-gateway cert renew"),
        (_without_usage, {"machine/key-rules": "warning"}, "states no key usage", "make a new certificate"),
    ],
)
async def test_what_is_wrong_on_this_machine_is_found_in_its_own_check(staging, breakage, verdict, seen, cure):
    """One finding with its cure; what is fatal for signing ends it before anything is sent."""
    file = staging.configure()
    breakage(staging.folder)
    ended = await run_doctor(file, "--json")
    assert (ended.code, ended.verdicts) == (1, verdict)
    (found,) = verdict
    assert seen in ended.checks[found]["seen"]
    assert cure in ended.checks[found]["cure"]
    assert len(staging.forms) == (0 if "fatal" in verdict.values() else 1)


async def test_a_warning_of_the_configuration_is_found(staging):
    """What belongs to all profiles is said of each; it keeps nothing from being served."""
    ended = await run_doctor(staging.configure(more='[keys.idle]\npem = "acme.pem"'), "--json")
    assert ended.verdicts == {"machine/configuration": "warning"}
    assert "keys.idle" in ended.checks["machine/configuration"]["seen"]


def _official(folder, **changes):
    """Write a profile of an official environment whose key is broken, so that nothing is sent anywhere."""
    settings = {"environment": '"production"', "client_id": '"client-1"', "anonymous": "true", **changes}
    (folder / "acme.pem").write_text("nothing")
    (folder / "gateway.toml").write_text(
        "[profiles.employer]\n"
        + "".join(f"{name} = {value}\n" for name, value in settings.items())
        + 'key = { pem = "acme.pem" }\n'
    )
    return folder / "gateway.toml"


def test_a_client_id_of_the_manuals_screenshots_is_found(tmp_path):
    """An account may really have it; most who write it have copied it."""
    ended = doctor(_official(tmp_path, client_id='"self_service_expeditor_10"'), "--json")
    assert ended.verdicts == {"machine/client-id": "warning", "machine/key": "fatal"}
    assert "ChaMan shows for your account" in ended.checks["machine/client-id"]["cure"]


def test_a_placeholder_is_refused_before_anything_is_checked(tmp_path):
    """With the client id of the manual's example the configuration is not read; the command says why."""
    ended = doctor(_official(tmp_path, client_id='"self_service_chaman_123456_78912"'))
    assert (ended.code, ended.out) == (2, "")
    assert "is the client id of the manual's example" in ended.err
    assert "ChaMan shows for your account" in ended.err


def test_an_audience_of_another_environment_is_found(tmp_path):
    """Only the token server could refuse it, in words that say little; the environment that it is of is named."""
    acceptance = '"https://services-acpt.socialsecurity.be/REST/oauth/v5/token"'
    ended = doctor(_official(tmp_path, audience=acceptance), "--json")
    assert ended.verdicts == {"machine/environment": "warning", "machine/key": "fatal"}
    assert ended.checks["machine/environment"]["cause"] == "the audience is that of acceptance"
    assert "addresses of two environments" not in json.loads(ended.out)["profiles"][0]["ruled_out"]


def test_mixed_environments_are_refused_before_anything_is_checked(tmp_path):
    """An API of simulation with the token server of acceptance is a fault of the configuration."""
    file = _official(tmp_path, environment='"mixed"')
    file.write_text(
        file.read_text()
        + '\n[environments.mixed]\napi_base = "https://services-sim.socialsecurity.be"\n'
        + 'token_url = "https://services-acpt.socialsecurity.be/REST/oauth/v5/token"\n'
    )
    ended = doctor(file)
    assert (ended.code, ended.out) == (2, "")
    assert "environments.mixed" in ended.err


async def test_a_certificate_that_has_expired_is_named_and_the_token_is_asked_for_all_the_same(staging):
    """Only the token server knows whether it takes it."""
    key = make_ec()
    (staging.folder / "acme.pem").write_bytes(key_pem(key))
    ended_on = datetime.now(UTC) - timedelta(days=2)
    expired = make_certificate(key, not_before=ended_on - timedelta(days=300), not_after=ended_on)
    (staging.folder / "acme.cer").write_bytes(certificate_pem(expired))
    ended = await run_doctor(staging.configure(), "--json")
    assert ended.code == 1
    assert ended.checks["machine/certificate-dates"]["verdict"] == "warning"
    assert "expired" in ended.checks["machine/certificate-dates"]["seen"]
    assert len(staging.forms) == 1


async def test_a_name_that_does_not_exist(staging):
    """The name is the finding; what lies behind it is not reached, and no token is asked for."""
    ended = await run_doctor(staging.configure(host="no-such-name.invalid"), "--json")
    assert ended.verdicts == {"token-server/name": "fatal"}
    assert "no-such-name.invalid" in ended.checks["token-server/name"]["seen"]
    assert ended.checks["token/token"]["verdict"] == "skipped"


async def test_a_port_that_nothing_listens_on(staging, unused_tcp_port):
    """The name is no cause any more, and the address is named."""
    ended = await run_doctor(staging.configure(port=unused_tcp_port), "--json")
    assert ended.verdicts == {"token-server/tcp": "fatal"}
    assert str(unused_tcp_port) in ended.checks["token-server/tcp"]["seen"]
    assert "the name servers" in json.loads(ended.out)["profiles"][0]["ruled_out"]


async def test_what_to_look_at_first_is_said_at_the_end(staging, unused_tcp_port):
    """A fatal finding before a warning, however early the warning came; for people, with the page that explains it."""
    file = staging.configure(port=unused_tcp_port)
    _readable_by_all(staging.folder)
    ended = await run_doctor(file)
    assert "warning  Files are there" in ended.out
    assert '\nBegin with the check "A TCP connection is accepted" (docs/doctor.md#tcp).\nNot the cause: ' in ended.out


async def test_an_intercepting_proxy_is_known_by_its_issuer_and_gets_no_byte(staging, tmp_path_factory):
    """The certificate that is presented is named with its issuer; after the unverified look nothing is sent."""
    received = []
    foreign = TlsAuthority()

    async def note(reader, writer):
        with contextlib.suppress(ConnectionError):
            received.append(await reader.read())
        writer.close()

    tls = foreign.server_context(tmp_path_factory.mktemp("foreign"))
    async with await asyncio.start_server(note, "localhost", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        ended = await run_doctor(staging.configure(port=port), "--json")
    assert ended.verdicts == {"token-server/tls": "fatal"}
    cause = ended.checks["token-server/tls"]["cause"]
    assert "issued by" in cause
    assert "nothing proves it" in cause
    assert b"".join(received) == b""


async def test_a_proxy_that_wants_credentials(staging):
    """The proxy is the finding, with the schemes that it offers; the connection to it is not."""

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        ended = await run_doctor(staging.configure(more=f'[egress]\nproxy = "http://127.0.0.1:{port}"'), "--json")
    assert ended.verdicts == {"token-server/proxy": "fatal"}
    assert "407" in ended.checks["token-server/proxy"]["seen"]
    assert ended.checks["token-server/tcp"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("ahead", "verdict", "seen", "cure"),
    [
        (timedelta(minutes=10), "warning", "s behind", "assertions are corrected"),
        (-timedelta(minutes=10), "warning", "s ahead", "assertions are corrected"),
        (-timedelta(days=7), "fatal", "s ahead", "more than a day off"),
    ],
)
async def test_a_clock_that_is_wrong_is_measured(staging, ahead, verdict, seen, cure):
    """The clock of the token server's response is compared with this host's; it is no guess any more."""
    staging.answers.append(granted(Date=format_datetime(datetime.now(UTC) + ahead, usegmt=True)))
    ended = await run_doctor(staging.configure(), "--json")
    assert ended.verdicts == {"token/clock": verdict}
    assert seen in ended.checks["token/clock"]["seen"]
    assert cure in ended.checks["token/clock"]["cure"]


async def test_a_clock_that_no_response_shows_is_called_unmeasured(staging):
    """A Date that may be of a cache proves nothing, and then the clock stays among the guesses."""
    staging.answers.append(refused(headers={"Age": "10"}))
    ended = await run_doctor(staging.configure(), "--json")
    assert ended.checks["token/clock"]["verdict"] == "skipped"
    assert ended.checks["token/clock"]["seen"].startswith("unmeasured")
    assert "this host's clock is wrong" in ended.checks["token/token"]["cause"]


async def test_a_wrong_clock_that_is_the_reason_is_tried_once_more(staging):
    """The second assertion has the measured time; the finding is the clock, and the token is there."""
    there = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    staging.answers += [refused(headers={"Date": there}), granted(Date=there)]
    ended = await run_doctor(staging.configure(), "--json")
    assert ended.verdicts == {"token/clock": "warning"}
    assert len(staging.forms) == 2


async def test_a_refusal_of_the_client_says_what_to_compare_in_chaman(staging):
    """A text that other installations of the product use is a hint, and called a guess; the clock is no guess."""
    staging.answers += [refused(description="JWT is not valid")] * 2
    ended = await run_doctor(staging.configure(), "--json")
    assert ended.verdicts == {"token/token": "fatal"}
    token = ended.checks["token/token"]
    assert "invalid_client" in token["seen"]
    assert "clock is wrong" not in token["seen"]
    assert 'A guess: elsewhere "JWT is not valid" meant: ' in token["cause"]
    assert "clock is wrong" not in token["cause"]
    assert "Vervaldatum" in token["cure"]
    assert len(staging.forms) == 1


async def test_a_token_server_that_is_down_is_told_from_one_that_refuses(staging):
    """A 503 is the server's own fault."""
    staging.answers.append(web.Response(status=503, text="maintenance"))
    ended = await run_doctor(staging.configure(), "--json")
    assert ended.verdicts == {"token/token": "fatal"}
    assert "503" in ended.checks["token/token"]["seen"]
    assert "The fault is the token server's" in ended.checks["token/token"]["cause"]


async def test_a_scope_that_is_refused_has_the_account_asked_for_its_own(staging):
    """Only after invalid_scope a second token is asked for, without a scope; the box in ChaMan is named, as a guess."""
    staging.answers += [refused("invalid_scope"), granted("scope:other")]
    ended = await run_doctor(staging.configure(profile='scope = ["scope:dimona:declaration:declarant"]'), "--json")
    assert [form.get("scope") for form in staging.forms] == ["scope:dimona:declaration:declarant", None]
    assert ended.verdicts == {"token/token": "fatal", "token/scopes": "warning"}
    cure = ended.checks["token/scopes"]["cure"]
    assert '"Dimona-aangiftes verrichten"' in cure
    assert "Beveiligde machtigingen" in cure
    assert "guess" in cure


async def test_a_right_that_is_missing_is_named_by_the_box_to_tick(staging):
    """A token without any scope of the profile's service is a warning."""
    staging.answers.append(granted("scope:something:else"))
    ended = await run_doctor(staging.configure(), "--json")
    assert ended.verdicts == {"token/scopes": "warning"}
    assert '"Consultatie van de Dimona-aangifte"' in ended.checks["token/scopes"]["cure"]


async def test_an_api_that_cannot_be_reached_is_a_branch_of_its_own(staging, unused_tcp_port):
    """The token is fine, and the way to the API is not."""
    ended = await run_doctor(staging.configure(api=f"localhost:{unused_tcp_port}"), "--json")
    assert ended.verdicts == {"api/tcp": "fatal"}
    assert ended.checks["token/token"]["verdict"] == "ok"


@contextlib.asynccontextmanager
async def running_gateway(document, code=200):
    """Answer /status; give the address of the admin listener."""

    async def status(request):
        assert request.query["profile"] == "employer"
        return web.json_response(document, status=code)

    application = web.Application()
    application.router.add_get("/status", status)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("document", "code", "verdict", "seen"),
    [
        ({"profiles": [{"name": "employer", "token": None, "negotiations": []}]}, 200, "ok", "it knows 0"),
        ({"profiles": []}, 200, "skipped", "reload its configuration"),
        ({}, 403, "skipped", "does not show itself to this user (403)"),
        ({"profiles": [{"name": "employer", "negotiations": [{"time": "?"}]}]}, 200, "skipped", "another version"),
    ],
)
async def test_whatever_the_running_gateway_says_of_itself_the_doctor_goes_on(staging, document, code, verdict, seen):
    """It is asked first; where it says nothing, the reason is said, and the doctor asks for a token itself."""
    async with running_gateway(document, code) as address:
        ended = await run_doctor(staging.configure(), "--json", "--admin", address)
    assert (ended.code, ended.checks["machine/gateway"]["verdict"]) == (0, verdict)
    assert seen in ended.checks["machine/gateway"]["seen"]
    assert len(staging.forms) == 1


async def test_apis_that_fail_for_programs_are_a_finding_though_every_way_is_free(staging):
    """The doctor makes no call of its own: the running gateway has seen those of programs."""
    failing = [
        {"service": "dimona", "reason": "503", "since": "2026-11-30T20:54:30.051Z", "latest": "x", "failures": 7},
        {"service": "echo", "reason": "api-timeout", "since": "2026-11-30T20:55:00Z", "latest": "x", "failures": 1},
    ]
    async with running_gateway({"profiles": [{"name": "employer", "token": None, "failing": failing}]}) as address:
        ended = await run_doctor(staging.configure(), "--json", "--admin", address)
    found = ended.checks["api/calls"]
    assert ended.verdicts == {"api/calls": "warning"}
    assert "government-down.md" in found["cure"]
    assert found["seen"] == (
        "dimona fails since 2026-11-30 20:54:30 UTC (503); echo fails since 2026-11-30 20:55:00 UTC (api-timeout)"
    )
    assert ended.code == 1


async def test_without_a_running_gateway_the_doctor_has_its_own_negotiation_alone(staging):
    """The reason is said, and is no finding."""
    ended = await run_doctor(staging.configure(), "--json")
    assert (ended.code, ended.checks["machine/gateway"]["verdict"]) == (0, "skipped")
    assert "no gateway runs" in ended.checks["machine/gateway"]["seen"]


async def test_while_the_gateway_waits_after_failures_nothing_is_asked(staging):
    """The back-off of the running gateway holds for the doctor too; its latest negotiation is shown instead."""
    async with running_gateway({"profiles": [{"name": "employer", **WAITING}]}) as address:
        ended = await run_doctor(staging.configure(), "--json", "--admin", address)
    assert staging.forms == []
    assert "waits for another 40 s" in ended.checks["token/token"]["seen"]
    assert ended.verdicts == {"token/token-latest": "fatal"}
    assert ended.checks["token/token-latest"]["seen"].startswith("2026-11-30 07:00:00 UTC: ")
    assert ended.checks["token/clock"]["verdict"] == "ok"


WAITING: dict[str, Any] = {
    "token": {"backoff_seconds": 40.2},
    "negotiations": [
        {
            "time": "2026-11-30T07:00:00.000Z",
            "endpoint": "https://localhost/token",
            "environment": "staging",
            "header": {"alg": "RS256"},
            "claims": {"iss": "client-1"},
            "certificate": "ab" * 32,
            "certificate_ends": "2028-11-30T07:00:00.000Z",
            "clock_offset": 0.0,
            "clock_sample": -0.5,
            "phases": {"dns": 0.01},
            "status": 400,
            "fields": {},
            "result": "token-refused",
            "detail": "The token server answered 400 invalid_client.",
            "error": "invalid_client",
            "scope": "",
            "lifetime": 0.0,
        }
    ],
}


async def test_the_report_has_what_a_help_desk_needs_and_nothing_that_must_stay(staging):
    """It is private to its owner, shown as it is written, and has neither token, signature, path nor caller."""
    staging.answers.append(refused())
    more = '[callers.payroll-canary]\nkeys = [{ sha256 = "' + "ab" * 32 + '" }]\nallow.employer = ["GET /REST/**"]'
    report = staging.folder / "report.txt"
    ended = await run_doctor(staging.configure(more=more), "--share", str(report))
    text = report.read_text()
    assert (ended.code, ended.out) == (1, text)
    assert report.stat().st_mode & 0o777 == 0o600
    for needed in ("client-1", "invalid_client", '"alg": "ES384"', "fla-gateway ", "staging", "not the cause"):
        assert needed in text
    assertion = staging.forms[0]["client_assertion"]
    for secret in (*assertion.split("."), assertion[-40:], "canary", str(staging.folder), "acme.pem"):
        assert secret not in text


async def test_the_report_begins_with_what_was_found_and_names_no_proxy_of_the_company(staging):
    """A Via that an inspecting proxy adds is left out; subject and end of the certificate are what ChaMan shows."""
    staging.answers.append(refused(headers={"Via": "1.1 proxy.acme-canary.local", "BelGov-Trace-Id": "trace-4711"}))
    report = staging.folder / "report.txt"
    await run_doctor(staging.configure(), "--share", str(report))
    head, _, rest = report.read_text().partition("\nOur side, checked\n")
    assert "fatal    The token: The token server grants a token (token)" in head.partition("\nWhat was found\n")[2]
    assert "CN=acme, self-signed" in rest
    assert "trace-4711" in rest
    assert "The token server answered 400 invalid_client: no." in rest
    assert "canary" not in report.read_text()


async def test_negotiations_that_are_alike_are_written_once(staging):
    """Of those before it that failed in the same way only moment and ids differ."""
    earlier = [{**WAITING["negotiations"][0], "claims": {"iss": "client-1", "jti": f"id-{it}"}} for it in range(3)]

    report = staging.folder / "report.txt"
    async with running_gateway({"profiles": [{"name": "employer", **WAITING, "negotiations": earlier}]}) as address:
        await run_doctor(staging.configure(), "--share", str(report), "--admin", address)
    text = report.read_text()
    assert text.count("token-refused") == 3
    assert text.count("asserted ") == 1
    assert [f"id-{it}" in text for it in range(3)] == [True] * 3


async def test_an_attempt_that_reached_nothing_is_not_written_as_an_assertion(staging):
    """What was never sent was not asserted; the phase in which it ended is said."""
    lost = {
        **WAITING["negotiations"][0],
        "result": "token-unreachable",
        "status": 0,
        "error": "",
        "phases": {"dns": 0.1},
    }
    report = staging.folder / "report.txt"
    gateway = {"profiles": [{"name": "employer", **WAITING, "negotiations": [lost]}]}
    async with running_gateway(gateway) as address:
        await run_doctor(staging.configure(), "--share", str(report), "--admin", address)
    text = report.read_text().partition("Your side said")[2]
    assert "asserted" not in text
    assert "nothing; the attempt ended in this phase: dns" in text


async def test_a_report_never_replaces_a_file(staging):
    """An existing file is left as it is, and the command says so."""
    report = staging.folder / "report.txt"
    report.write_text("mine")
    ended = await run_doctor(staging.configure(), "--share", str(report))
    assert (ended.code, report.read_text()) == (2, "mine")
    assert "does not exist yet" in ended.err


async def test_a_profile_that_does_not_exist_is_wrong_use(staging):
    """The profiles that there are are named."""
    ended = await run_doctor(staging.configure(), "nobody")
    assert (ended.code, ended.out) == (2, "")
    assert "there are: employer" in ended.err


def test_the_report_is_made_for_one_profile(tmp_path):
    """With several, one has to be named."""
    write_identity(tmp_path, key=PAIR)
    TlsAuthority().write_root(tmp_path)
    found = Staging(tmp_path)
    second = '[profiles.other]\nenvironment = "staging"\nclient_id = "c"\nkey = { pem = "acme.pem" }'
    ended = doctor(found.configure(port=1, more=second), "--share", os.devnull)
    assert ended.code == 2
    assert "name the profile" in ended.err


@pytest.mark.parametrize(
    ("language", "skipped", "fatal"), [("nl", "overgeslagen", "FATAAL"), ("fr", "non vérifié", "FATAL")]
)
async def test_the_verdict_is_in_the_language_of_the_reader(staging, language, skipped, fatal):
    """Its words are translated, and the column is as wide as the longest one."""
    file = staging.configure(port=1)
    ended = await run_doctor(file, "employer", "--lang", language)
    assert ended.code == 1
    assert f"\n  {skipped:<12}" in ended.out
    assert f"\n  {fatal} " in ended.out
    assert "skipped" not in ended.out
