"""`fla-gateway check`, with real keys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fla_gateway.cli.main import execute
from tests.support.keys import (
    NOW,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
    write_identity,
    write_private,
)

PROFILE = """
[profiles.employer]
environment = "{environment}"
client_id = "self_service_chaman_1"
key = "acme"
"""
KEY = """
[keys.acme]
pem = "acme.pem"
certificate = "acme.cer"
"""


@pytest.fixture
def check(tmp_path, capsys):
    """Write a configuration, check it, and give exit code, standard output and standard error."""

    def run(text):
        file = tmp_path / "gateway.toml"
        file.write_text(text)
        code = execute(["check", "--config", str(file)])
        return code, *capsys.readouterr()

    return run


def test_all_well(check, tmp_path):
    """A good configuration shows where each profile goes, with which key, and ends with 0."""
    write_identity(tmp_path)
    code, out, err = check(PROFILE.format(environment="simulation") + KEY)
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "employer"
    assert "environment simulation" in lines
    assert "PRODUCTION's: its tokens are good for real declarations" in out
    assert "API https://services-sim.socialsecurity.be" in lines
    assert "paths all of /REST/" in lines
    assert any(line.startswith("token server https://services.socialsecurity.be/REST/oauth/v5/token") for line in lines)
    assert "client id self_service_chaman_1" in lines
    assert "key acme, signs with RS256" in lines
    assert f"certificate CN=acme, until {NOW + timedelta(days=365):%Y-%m-%d}, 364 days left" in lines
    assert lines[-1] == "all well"


def test_production_is_shouted(check, tmp_path):
    """Nobody overlooks that a profile declares for real."""
    write_identity(tmp_path)
    _, out, _ = check(PROFILE.format(environment="production") + KEY)
    assert "PRODUCTION" in out


def test_warning_is_a_finding(check, tmp_path):
    """A key without a certificate works, with a warning and its cure: exit code 1."""
    write_identity(tmp_path)
    code, out, _ = check(PROFILE.format(environment="simulation") + KEY.replace('certificate = "acme.cer"', ""))
    assert code == 1
    assert "  warning: " in out
    assert out.endswith("\n1 finding\n")


def test_expired_certificate_is_a_finding(check, tmp_path):
    """A key that cannot be used is shown under its profile, with the reason; the rest is still shown."""
    key = make_rsa()
    write_private(tmp_path / "acme.pem", key_pem(key))
    expired = make_certificate(key, not_before=NOW - timedelta(days=30), not_after=NOW - timedelta(days=1))
    (tmp_path / "acme.cer").write_bytes(certificate_pem(expired))
    code, out, _ = check(PROFILE.format(environment="simulation") + KEY)
    assert code == 1
    assert "acme (unusable)" in out
    assert "UNUSABLE KEY: " in out
    assert "expired" in out


def test_all_findings_at_once(check, tmp_path):
    """One bad key does not hide another profile, nor a key that nobody uses."""
    write_identity(tmp_path, "good")
    code, out, _ = check(
        PROFILE.format(environment="simulation")
        + KEY
        + '[profiles.other]\nenvironment = "acceptance"\nclient_id = "y"\n'
        + 'key = { pem = "good.pem", certificate = "good.cer" }\n'
        + '[keys.idle]\npem = "idle.pem"\n'
    )
    assert code == 1
    assert "UNUSABLE KEY: " in out.partition("\nother\n")[0]
    assert "its own, signs with RS256" in out
    assert "\nkeys.idle: UNUSABLE KEY: " in out


def test_assertion_that_the_key_cannot_sign(check, tmp_path):
    """An algorithm that does not fit the key is found offline, before the token server finds it."""
    write_identity(tmp_path, key=make_ec())
    text = PROFILE.format(environment="simulation") + 'assertion = { alg = "PS256" }\n' + KEY
    code, out, _ = check(text)
    assert code == 1
    assert "cannot sign with PS256" in out


def test_roots_that_cannot_be_read_are_a_fault(check, tmp_path):
    """A missing file of roots and an unreadable one are told together, as faults of the configuration."""
    write_identity(tmp_path)
    (tmp_path / "empty.pem").write_text("nothing")
    environment = (
        '[environments.staging]\napi_base = "https://localhost:9443"\ntoken_url = "https://localhost:9443/token"\n'
        'ca_file = "missing.pem"\n[egress]\nca_file = "empty.pem"\n'
    )
    code, out, err = check(PROFILE.format(environment="staging") + KEY + environment.replace("[egress]", "\n[egress]"))
    assert (code, out) == (2, "")
    assert "empty.pem holds no certificates" in err


def test_password_does_not_show(check, tmp_path):
    """A wrong password is told apart and never repeated."""
    write_private(tmp_path / "acme.pem", key_pem(make_rsa(), password="right"))
    write_private(tmp_path / "acme.pass", "canary\n")
    text = PROFILE.format(environment="simulation") + '[keys.acme]\npem = "acme.pem"\npassword_file = "acme.pass"\n'
    code, out, err = check(text)
    assert code == 1
    assert "canary" not in out + err
