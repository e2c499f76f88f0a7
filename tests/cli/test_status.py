"""`fla-gateway status`, against a real admin listener."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from structlog.testing import capture_logs

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.admin.access_rules import AdminAccess
from fla_gateway.admin.status import status_json
from fla_gateway.admin.status.gateway_status import ChangedFile, ExpiryStatus
from fla_gateway.admin.status.health import Finding
from fla_gateway.admin.status.profile_status import CertificateStatus, FailingApiStatus, Failure
from fla_gateway.cli.main import execute
from fla_gateway.cli.remote.profile_text import FINDINGS
from fla_gateway.cli.remote.status_text import lines
from tests.admin import samples
from tests.admin.conftest import Shown, State, serving
from tests.support.forked_process import fork_gateway
from tests.support.waiting import PATIENCE

BRUSSELS = timezone(timedelta(hours=1))


async def command(*words):
    """Run the command in a thread; give its exit code and what it printed on both streams."""
    out, err = io.StringIO(), io.StringIO()

    def run():
        with redirect_stdout(out), redirect_stderr(err):
            return execute(["status", *words])

    async with asyncio.timeout(PATIENCE):
        with capture_logs():
            code = await asyncio.to_thread(run)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def shown():
    """What the gateway shows."""
    return Shown()


@pytest.fixture
async def admin(shown):
    """An admin listener that this user may ask; the value of ``--admin``."""
    async with serving(State(), shown) as port:
        yield f"http://127.0.0.1:{port}"


async def test_all_well(admin):
    """The first line is the headline; each profile is there with its environment; exit code 0."""
    code, out, err = await command("--admin", admin)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "Works. The gateway is running."
    assert "\nemployer (PRODUCTION): works\n" in out
    assert "212 days left" in out
    assert "\x1b" not in out


async def test_what_is_the_matter_is_said(admin, shown):
    """A degraded gateway says of each profile why, with what is to be done, and of calls in doubt; exit code 1."""
    shown.status = samples.failing()
    code, out, _ = await command("--admin", admin)
    assert code == 1
    assert out.startswith("Does not work.")
    assert "  ! there is no valid token, so calls fail\n" in out
    assert "in doubt" in out
    assert "APIs fail: dimona since 2026-11-23 14:01:30 UTC" in out
    assert "Certificate of the listener 0.0.0.0:8443" in out
    assert "! this machine's clock is 3600 s ahead of the token server's: set it right\n" in out
    shown.status = samples.calm(
        configuration=replace(
            samples.calm().configuration, differs=(ChangedFile("/etc/gateway.toml", samples.ago(minutes=1)),)
        )
    )
    code, out, _ = await command("--admin", admin)
    assert (code, "! /etc/gateway.toml changed at " in out) == (1, True)


async def test_the_state_of_a_token_is_said_in_the_language_of_the_command(admin, shown):
    """It is a code in JSON, and a word here."""
    shown.status = samples.calm(profiles=(samples.profile(token=samples.token(state="none")),))
    _, out, _ = await command("--lang", "nl", "--admin", admin)
    assert "token          geen" in out


async def test_what_the_token_server_said_is_shown(admin, shown):
    """While no token can be had: what is known and what was answered, with the cure, as on the page."""
    failure = Failure(samples.ago(minutes=1), "token-refused", detail="The certificate expired 2 minutes ago.")
    token = samples.token(state="none", failures=3, last_failure=failure)
    shown.status = samples.calm(profiles=(samples.profile(token=token),))
    _, out, _ = await command("--admin", admin)
    assert "UTC: The certificate expired 2 minutes ago.\n" in out
    assert "See in ChaMan whether the client id, the certificate and the rights" in out


@pytest.mark.parametrize(("days", "said"), [(0, "within a day"), (1, "in 1 day"), (9, "in 9 days")])
async def test_days_that_are_left_are_counted_as_people_count(admin, shown, days, said):
    """Neither "0 days" nor "1 days": a certificate that ends today ends within a day."""
    certificate = CertificateStatus("CN=Acme", samples.NOW, days)
    shown.status = samples.calm(profiles=(samples.profile(certificate=certificate),))
    _, out, _ = await command("--admin", admin)
    assert f"the certificate ends {said}: fla-gateway cert renew employer" in out
    assert "1 days" not in out


async def test_what_has_ended_has_no_days_left(admin, shown):
    """It says since when, and no negative number."""
    certificate = CertificateStatus("CN=Acme", samples.ago(hours=1), -1)
    key = ExpiryStatus("caller-key", "payroll 1a2b3c4d", samples.ago(days=1), -1)
    shown.status = samples.calm(profiles=(samples.profile(certificate=certificate),), ends=(key,))
    _, out, _ = await command("--admin", admin)
    assert "certificate    expired since " in out
    assert "payroll 1a2b3c4d: 2026-11-22 14:10:30 UTC, ended\n" in out
    assert "-1" not in out.replace("2026-11-", "")


async def test_a_missing_scope_is_a_matter_of_chaman(admin, shown):
    """It is told apart from an API that fails: sending again does not help."""
    api = FailingApiStatus("echo", "missing-scope", samples.ago(minutes=2), samples.NOW, 3)
    other = replace(api, service="dimona", reason="503")
    outputs = []
    for failing in ((api,), (api, other)):
        shown.status = samples.calm(profiles=(samples.profile(failing=failing),))
        _, out, _ = await command("--admin", admin)
        outputs.append(out)
    assert all("no right for an API: echo since " in it and "APIs fail: echo" not in it for it in outputs)
    assert ["nothing is queued here" in it for it in outputs] == [False, True]
    assert "APIs fail: dimona since " in outputs[1]


async def test_calls_without_a_valid_key_are_said(admin, shown):
    """How many, and of the last one when, from where and by which user; one call is not "1 calls"."""
    shown.status = samples.failing()
    _, out, _ = await command("--admin", admin)
    assert "12 calls in the last hour without a valid key, the last one at " in out
    assert " from 127.0.0.1, user 1001 of this machine\n" in out
    shown.status = replace(shown.status, unknown_callers=replace(shown.status.unknown_callers, count=1, uid=None))
    _, out, _ = await command("--admin", admin)
    assert "1 call in the last hour without a valid key, at " in out
    assert " from 127.0.0.1\n" in out


async def test_json_is_the_gateways_answer(admin, shown):
    """--json prints what /status answers, the headline's level and the findings of profiles in it."""
    shown.status = samples.failing()
    code, out, _ = await command("--admin", admin, "--json")
    document = json.loads(out)
    assert (code, document) == (1, json.loads(status_json.write(shown.status)))
    assert document["level"] == "bad"
    assert any("no-token" in it["findings"] for it in document["profiles"])


async def test_without_a_gateway(tmp_path):
    """Exit code 69, with the address that the configuration has."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = tmp_path / "gateway.toml"
    file.write_text(f'admin.listen = "127.0.0.1:{port}"\n')
    code, out, err = await command("--config", str(file))
    assert (code, out) == (69, "")
    assert f"no gateway answers at http://127.0.0.1:{port}" in err


async def test_the_key_is_taken_from_a_file(tmp_path):
    """Where the page asks for a key, so does the command; a wrong one is exit code 1."""
    key, other = new_key(), new_key()
    async with serving(State(), Shown(), AdminAccess(key_sha256=digest(key), uid=os.getuid())) as port:
        for given, expected in ((key, 0), (other, 1)):
            (tmp_path / "key").write_text(given)
            (tmp_path / "key").chmod(0o600)
            code, _, err = await command(
                "--admin", f"http://127.0.0.1:{port}", "--admin-key-file", str(tmp_path / "key")
            )
            assert code == expected
            assert given not in err
            assert err.startswith("credentials-refused: ") is (expected == 1)
            assert ("--admin-key-file" in err) is (expected == 1)


async def test_watch_looks_until_it_is_interrupted(admin, shown):
    """--watch prints again and again; Ctrl-C ends it with the exit code of the last look."""
    process = await fork_gateway("status", "--admin", admin, "--watch", "0.1")
    async with asyncio.timeout(PATIENCE):
        await process.stdout.readuntil(b"Works.")
        shown.status = samples.failing()
        # Twice, so that one look has ended by now.
        await process.stdout.readuntil(b"Does not work.")
        await process.stdout.readuntil(b"Does not work.")
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 1


def test_every_finding_has_its_words():
    """Whatever the gateway finds, the terminal says it in a sentence."""
    assert set(FINDINGS) == {it.value for it in Finding}


def test_local_time_and_colours():
    """Moments have the reader's time beside UTC where it differs; colours come only where they are asked for."""
    document = json.loads(status_json.write(samples.failing()))
    plain, coloured = (
        "\n".join(lines(document, coloured=colour, zone=BRUSSELS if colour else UTC)) for colour in (False, True)
    )
    assert "local" not in plain
    assert "\x1b[" not in plain
    hour = (samples.NOW + timedelta(hours=1)).strftime("%H:%M:%S")
    assert f"{samples.NOW:%Y-%m-%d %H:%M:%S} UTC ({hour} local)" in coloured
    assert coloured.startswith("\x1b[31mDoes not work.")


def test_texts_are_harmless_in_a_terminal():
    """Names, paths and subjects of the answer are made printable."""
    document = json.loads(status_json.write(samples.hostile()))
    document["profiles"][0]["name"] = "\x1b[31mred"
    text = "\n".join(lines(document))
    assert "\x1b" not in text
