"""`fla-gateway check`, with real keys."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

import fla_gateway
from fla_gateway.cli.main import execute
from fla_gateway.journal.writer.directory import Directory
from tests.support.keys import (
    NOW,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    pkcs12_bytes,
    write_identity,
    write_private,
)

PAIR = make_ec()
"""Where the kind of key does not count: it is validated in a hundredth of the time that RSA takes."""
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
    """Write a configuration, check it, and give exit code, standard output, and standard error without the first line.

    That line names the file.
    """

    def run(text, *options):
        file = tmp_path / "gateway.toml"
        file.write_text(text)
        code = execute(["check", "--config", str(file), *options])
        out, err = capsys.readouterr()
        return code, out, err.removeprefix(f"configuration: {file}\n")

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


def test_the_cure_for_a_store_without_a_certificate_works(check, tmp_path):
    """A PKCS#12 file without a certificate gives a warning; naming the certificate, as it says, ends it."""
    write_private(tmp_path / "acme.pfx", pkcs12_bytes(PAIR, None, "geheim"))
    write_private(tmp_path / "acme.pass", "geheim\n")
    store = '[keys.acme]\npkcs12 = "acme.pfx"\npassword_file = "acme.pass"\n'
    code, out, _ = check(PROFILE.format(environment="simulation") + store)
    assert (code, "name the .cer file that was uploaded in ChaMan in certificate" in out) == (0, True)
    (tmp_path / "acme.cer").write_bytes(certificate_pem(make_certificate(PAIR)))
    code, out, err = check(PROFILE.format(environment="simulation") + store + 'certificate = "acme.cer"\n', "--strict")
    assert (code, err) == (0, ""), out


def test_production_is_shouted(check, tmp_path):
    """Nobody overlooks that a profile declares for real."""
    write_identity(tmp_path, key=PAIR)
    _, out, _ = check(PROFILE.format(environment="production") + "anonymous = true\n" + KEY)
    assert "PRODUCTION" in out


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 1)], ids=["plain", "strict"])
def test_a_warning_counts_with_strict_alone(check, tmp_path, options, status):
    """A key without a certificate works, with a warning and its cure: only --strict ends with 1."""
    write_identity(tmp_path, key=PAIR)
    code, out, _ = check(
        PROFILE.format(environment="simulation") + KEY.replace('certificate = "acme.cer"', ""), *options
    )
    assert code == status
    assert "  warning: " in out
    assert out.endswith("\n1 finding\n")


def test_strict_has_nothing_to_say_of_what_is_well(check, tmp_path):
    """--strict ends with 0 where there is no finding."""
    write_identity(tmp_path, key=PAIR)
    assert check(PROFILE.format(environment="simulation") + KEY, "--strict")[0] == 0


def _certified(folder, **validity):
    key = PAIR
    write_private(folder / "acme.pem", key_pem(key))
    (folder / "acme.cer").write_bytes(certificate_pem(make_certificate(key, **validity)))


def test_an_expired_certificate_is_a_warning(check, tmp_path):
    """The key of an expired certificate is used, since the same key may have been certified anew."""
    _certified(tmp_path, not_before=NOW - timedelta(days=30), not_after=NOW - timedelta(days=1))
    code, out, _ = check(PROFILE.format(environment="simulation") + KEY)
    assert code == 0
    assert "  warning: the certificate expired on " in out


def test_a_key_that_cannot_be_used_is_a_finding(check, tmp_path):
    """A key that cannot be used is shown under its profile, with the reason; the rest is still shown."""
    _certified(tmp_path, not_before=NOW + timedelta(days=1))
    code, out, _ = check(PROFILE.format(environment="simulation") + KEY)
    assert code == 1
    assert "acme (unusable)" in out
    assert "UNUSABLE KEY: " in out
    assert "valid only from" in out


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
    assert "its own key, signs with RS256" in out
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
    write_identity(tmp_path, key=PAIR)
    (tmp_path / "empty.pem").write_text("nothing")
    environment = (
        '[environments.staging]\napi_base = "https://localhost:9443"\ntoken_url = "https://localhost:9443/token"\n'
        'ca_file = "missing.pem"\n[egress]\nca_file = "empty.pem"\n'
    )
    text = PROFILE.format(environment="staging") + KEY + environment
    code, out, err = check(text)
    assert (code, out) == (2, "")
    assert "empty.pem holds no certificate" in err
    line = text.count("\n", 0, text.index('ca_file = "empty.pem"')) + 1
    assert f"gateway.toml:{line}: egress.ca_file: " in err


def test_password_does_not_show(check, tmp_path):
    """A wrong password is told apart and never repeated."""
    write_private(tmp_path / "acme.pem", key_pem(PAIR, password="right"))
    write_private(tmp_path / "acme.pass", "canary\n")
    text = PROFILE.format(environment="simulation") + '[keys.acme]\npem = "acme.pem"\npassword_file = "acme.pass"\n'
    code, out, err = check(text)
    assert code == 1
    assert "canary" not in out + err


DIGESTS = [digit * 64 for digit in "123"]
EVERY_PROOF = f"""
[callers.payroll]
keys = [
  {{ sha256 = "{DIGESTS[0]}" }},
  {{ sha256 = "{DIGESTS[1]}", expires = 9999-12-31 }},
  {{ sha256 = "{DIGESTS[2]}", expires = 2020-01-31 }},
]
uid = 1001
gid = 7
observe_until = 9999-12-30
limits = {{ concurrent = 4, per_second = 0.5 }}
[callers.payroll.allow]
employer = ["POST /REST/dimona/v2/declarations", "GET /REST/dimona/v2/**"]
[callers.certified]
certificate_names = ["erp.example"]
allow = {{ employer = ["GET /REST/**"] }}
[callers.cluster]
service_account = "payroll/declarations"
allow = {{ employer = ["GET /REST/**"] }}
[kubernetes]
issuer = "https://cluster"
audience = "fla-gateway"
jwks_file = "jwks.json"
[gateway]
listen = ["unix:gw.sock"]
[profiles.employer.listen]
address = "127.0.0.1:0"
tls = {{ certificate = "acme.cer", key = "acme.pem", client_ca = "acme.cer" }}
"""
SHOWN = [
    "key 11111111..., does not expire",
    "22222222..., until 9999-12-31",
    "33333333..., EXPIRED since 2020-01-31",
    "user id 1001",
    "group id 7",
    "employer POST /REST/dimona/v2/declarations",
    "GET /REST/dimona/v2/**",
    "observed until 9999-12-30 further requests are let through and reported",
    "limits concurrent 4, per_second 0.5",
    "",
    "caller certified",
    "certificate erp.example",
    "employer GET /REST/**",
    "",
    "caller cluster",
    "account payroll/declarations",
    "employer GET /REST/**",
    "",
    (
        "warning: callers.payroll 33333333: expired on 2020-01-31 "
        "(it is refused: give the caller another one, or take this one out of the configuration)"
    ),
    "1 finding",
]


def test_callers_are_shown(check, tmp_path):
    """Each caller is shown with its proofs, of a key the first digits and its end, and what it may do where."""
    write_identity(tmp_path, key=PAIR)
    code, out, err = check(PROFILE.format(environment="production") + EVERY_PROOF + KEY)
    assert (code, err) == (0, "")
    shown = [" ".join(line.split()) for line in out.partition("caller payroll\n")[2].splitlines()]
    assert shown == SHOWN
    assert not any(digest in out for digest in DIGESTS)


def test_that_nobody_is_asked_is_said(check, tmp_path):
    """Without callers there is a line about it, which is no finding."""
    write_identity(tmp_path, key=PAIR)
    code, out, _ = check(PROFILE.format(environment="simulation") + KEY)
    assert code == 0
    assert "no callers: every program that reaches the gateway may call" in out


def test_an_entry_that_is_no_rule_is_a_fault(check, tmp_path):
    """`check` and `run` read what callers may do, and say what they cannot read."""
    write_identity(tmp_path, key=PAIR)
    caller = '[callers.payroll]\nuid = 1\nallow = { employer = ["GET /REST/**", "GET dimona"] }\n'
    code, _, err = check(PROFILE.format(environment="simulation") + KEY + caller)
    assert code == 2
    assert "gateway.toml:12: callers.payroll.allow.employer[1]: the path must begin with /REST/" in err


def test_warning_about_a_caller_is_a_finding(check, tmp_path):
    """A key that has expired is found, like everything that deserves a look."""
    write_identity(tmp_path, key=PAIR)
    key = f"keys = [{{ sha256 = '{'1' * 64}', expires = 2020-01-31 }}]"
    caller = f"[callers.payroll]\n{key}\nallow = {{ employer = ['GET /REST/**'] }}\n"
    code, out, _ = check(PROFILE.format(environment="simulation") + KEY + caller, "--strict")
    assert code == 1
    assert "callers.payroll.keys: has expired" in out


def test_places_that_run_could_not_have_are_findings(check, tmp_path):
    """What `run` would stop at on this machine is said beforehand, and nothing is made while looking."""
    write_identity(tmp_path, key=PAIR)
    (tmp_path / "taken").write_text("")
    listen = """
[gateway]
listen = ["unix:missing/a.sock", "unix:taken", { address = "unix:b.sock", mode = "0660", group = "no-such-group" }]
[callers.erp]
uid = 0
allow = { employer = ["GET /REST/**"] }
[audit]
path = """
    before = sorted(tmp_path.iterdir())
    for journal, words in (("missing/journal", "make the directory above it"), ("taken", "name another directory")):
        code, out, _ = check(listen.lstrip() + f'"{journal}"\n' + PROFILE.format(environment="simulation") + KEY)
        assert code == 1
        found = [line.removeprefix("would not start: ") for line in out.splitlines() if line.startswith("would not")]
        assert [line.split(": ")[1] for line in found] == [
            "gateway.listen[0]", "gateway.listen[1]", "gateway.listen[2].group", "audit.path"
        ]  # fmt: skip
        assert words in found[3]
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "gateway.toml"])


def test_what_a_cluster_needs_is_read(check, tmp_path):
    """Roots of the cluster that `run` would stop at are a fault here as well."""
    write_identity(tmp_path, key=PAIR)
    (tmp_path / "ca.pem").write_text("no certificate")
    cluster = """
[kubernetes]
issuer = "https://kubernetes.default.svc"
audience = "fla-gateway"
jwks_url = "https://kubernetes.default.svc/openid/v1/jwks"
ca_file = "ca.pem"
[callers.erp]
service_account = "payroll/erp"
allow = { employer = ["GET /REST/**"] }
"""
    code, _, err = check(cluster + PROFILE.format(environment="simulation") + KEY)
    assert code == 2
    assert "kubernetes.ca_file" in err


def test_a_missing_extra_is_a_finding(tmp_path):
    """[tracing] without OpenTelemetry, which `run` would stop at, is said beforehand, with what to install."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(structlog.__file__).parents[1].iterdir():
        if not entry.name.startswith("opentelemetry"):
            (packages / entry.name).symlink_to(entry)
    write_identity(tmp_path, key=PAIR)
    tracing = '[tracing]\nendpoint = "http://127.0.0.1:4318/v1/traces"\n'
    (tmp_path / "gateway.toml").write_text(tracing + PROFILE.format(environment="simulation") + KEY)
    code = "import sys; sys.path[:0] = [sys.argv.pop(1), sys.argv.pop(1)]; import fla_gateway.cli.main as it; it.main()"
    command = [sys.executable, "-S", "-c", code, str(packages), str(Path(fla_gateway.__file__).parents[1])]
    answer = subprocess.run(
        [*command, "check", "--config", str(tmp_path / "gateway.toml")], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1, answer.stderr
    assert (
        "would not start: gateway.toml:1: tracing: needs the extra: pip install '.[otel]' in the folder of the sources"
        in answer.stdout
    )


@pytest.mark.parametrize(("options", "status", "label"), [((), 0, "warning"), (("--here",), 1, "would not start")])
def test_a_journal_in_use_is_said(check, tmp_path, options, status, label):
    """Beside the gateway that runs with it, a warning; where a start here and now is meant, an obstacle."""
    write_identity(tmp_path, key=PAIR)
    running = Directory(tmp_path / "journal")
    listen = '[gateway]\nlisten = ["127.0.0.1:0"]\n[admin]\nlisten = "127.0.0.1:0"\n[audit]\npath = "journal"\n'
    text = listen + PROFILE.format(environment="simulation") + KEY
    code, out, _ = check(text, *options)
    assert code == status
    assert re.search(rf"{label}: gateway\.toml:\d+: audit\.path: another gateway writes this journal", out)
    running.close()
    assert check(text, *options)[1].splitlines()[-1] == "all well"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory to another user")
def test_a_journal_of_another_user_is_said_to_root(check, tmp_path):
    """Root would not start with it, and may be checking for the user that does."""
    write_identity(tmp_path, key=PAIR)
    (tmp_path / "journal").mkdir(mode=0o700)
    os.chown(tmp_path / "journal", 4321, -1)
    code, out, _ = check('[audit]\npath = "journal"\n' + PROFILE.format(environment="simulation") + KEY)
    assert code == 0
    assert re.search(r"warning: gateway\.toml:\d+: audit\.path: the directory belongs to user 4321", out)


@pytest.mark.parametrize("writable", ["gateway.toml", "."])
def test_a_configuration_that_others_may_write_is_said(check, tmp_path, writable):
    """Who writes it decides who may call: the file and its folder are looked at, and a reload would refuse them."""
    write_identity(tmp_path, key=PAIR)
    (tmp_path / "gateway.toml").touch()
    (tmp_path / writable).chmod(0o777)
    code, out, _ = check(PROFILE.format(environment="simulation") + KEY)
    assert code == 0
    assert "warning: " in out
    assert "other users may" in out


def test_here_binds_what_a_start_would(check, tmp_path):
    """Every address that is taken is named, and nothing is left behind; without --here none is tried."""
    write_identity(tmp_path, key=PAIR)
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        listen = (
            f'[gateway]\nlisten = ["127.0.0.1:{taken.getsockname()[1]}", "unix:gateway.sock"]\n'
            f'[admin]\nlisten = "127.0.0.1:{other.getsockname()[1]}"\n'
        )
        text = (
            listen + PROFILE.format(environment="simulation") + KEY + 'listen = "127.0.0.1:0"\n'.replace("listen", "#")
        )
        assert check(text)[0] == 0
        code, out, _ = check(text, "--here")
    assert code == 1
    for place in (r"gateway\.listen\[0\]", r"admin\.listen"):
        assert re.search(rf"would not start: gateway\.toml:\d+: {place}: cannot listen on 127\.0\.0\.1", out)
    assert check(text, "--here")[0] == 0
    assert not (tmp_path / "gateway.sock").exists()


def test_json_says_that_there_is_no_configuration(tmp_path, monkeypatch, capsys):
    """A monitor that reads the object is answered by one, whatever is missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLA_GATEWAY_CONFIG", raising=False)
    assert execute(["check", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["file"]) == (False, None)
    assert [it["code"] for it in found["findings"]] == ["configuration-not-found"]


def test_json_has_every_finding(check, tmp_path):
    """Level, code, path, file, line, message and cure of each; `ok` is whether the exit code is 0."""
    write_identity(tmp_path, key=PAIR)
    text = PROFILE.format(environment="simulation") + KEY
    code, out, _ = check(text, "--json")
    file = str(tmp_path / "gateway.toml")
    assert (code, json.loads(out)) == (0, {"ok": True, "file": file, "findings": []})
    code, out, _ = check(text + '[keys.idle]\npem = "acme.pem"\n', "--json", "--strict")
    found = json.loads(out)
    assert (code, found["ok"]) == (1, False)
    unused = next(it for it in found["findings"] if it["path"] == "keys.idle" and it["file"])
    assert unused == {
        "level": "warning",
        "code": "key-unused",
        "path": "keys.idle",
        "file": "gateway.toml",
        "line": 10,
        "message": "no profile uses this key",
        "cure": "",
    }
    (tmp_path / "acme.pem").unlink()
    code, out, _ = check(text, "--json")
    unusable = next(it for it in json.loads(out)["findings"] if it["level"] == "error")
    assert (code, unusable["path"], unusable["file"], unusable["line"]) == (
        1,
        "profiles.employer.key",
        "gateway.toml",
        5,
    )
    code, out, _ = check(text.replace("simulation", "nowhere") + "a = 1\n", "--json")
    found = json.loads(out)
    assert (code, found["ok"]) == (2, False)
    assert {(it["level"], it["path"], it["line"]) for it in found["findings"]} == {
        ("error", "profiles.employer.environment", 3),
        ("error", "keys.acme.a", 10),
    }


def test_ends_of_callers_keys_are_named(check, tmp_path):
    """A key that ends soon or has ended is a warning with its caller and the first digits of its digest."""
    write_identity(tmp_path, key=PAIR)
    soon, past = (NOW + timedelta(days=20)).date(), (NOW - timedelta(days=2)).date()
    callers = '[callers.payroll]\nkeys = [{{ sha256 = "{}", expires = {} }}, {{ sha256 = "{}", expires = {} }}]\n'
    allow = '[callers.payroll.allow]\nemployer = ["GET /REST/**"]\n'
    text = PROFILE.format(environment="simulation") + KEY + callers.format("ab" * 32, soon, "cd" * 32, past) + allow
    code, out, _ = check(text)
    assert code == 0
    assert f"warning: callers.payroll abababab: expires on {soon}" in out
    assert f"warning: callers.payroll cdcdcdcd: expired on {past}" in out


def test_the_certificate_of_a_listener_is_read(check, tmp_path):
    """Files of a listener that cannot be used are faults; a certificate that callers will refuse is a finding."""
    key = PAIR
    write_identity(tmp_path, key=PAIR)
    write_private(tmp_path / "door.pem", key_pem(key))
    expired = make_certificate(key, not_before=NOW - timedelta(days=30), not_after=NOW - timedelta(days=1))
    (tmp_path / "door.cer").write_bytes(certificate_pem(expired))
    listen = '[admin]\nlisten = { address = "127.0.0.1:0", tls = { certificate = "door.cer", key = "door.pem" } }\n'
    text = PROFILE.format(environment="simulation") + KEY + listen
    code, out, _ = check(text, "--strict")
    assert code == 1
    assert re.search(r"warning: gateway\.toml:\d+: admin\.listen\.tls\.certificate: expired on", out)
    code, _, err = check(text.replace("door.pem", "missing.pem"))
    assert code == 2
    assert "admin.listen.tls.key" in err


MANY = "".join(
    PROFILE.format(environment=environment).replace("employer", f"p{number}")
    for number, environment in enumerate(["acceptance", "simulation"] * 20)
)
CALLERS = "".join(
    f'[callers.c{number}]\nuid = {number}\nallow = {{ p{number} = ["GET /REST/**"], p1 = ["GET /REST/**"] }}\n'
    for number in range(2, 40)
)
LISTEN = '[gateway]\nlisten = ["unix:gateway.sock"]\n'


def test_many_profiles_that_are_well_take_one_line_each(check, tmp_path):
    """Grouped by environment; so do callers, unless a key has expired. All of it fits on two screens."""
    write_identity(tmp_path, key=PAIR)
    key = f'{{ sha256 = "{"5" * 64}", expires = 2020-01-01 }}'
    code, out, _ = check(
        LISTEN + MANY + KEY + CALLERS + f'[callers.old]\nkeys = [{key}]\nallow = {{ p1 = ["GET /REST/**"] }}\n'
    )
    lines = out.splitlines()
    shown = [line.split()[0] for line in lines[:40]]
    assert code == 0
    assert shown == [f"p{number}" for number in (*range(0, 40, 2), *range(1, 40, 2))]
    assert "self_service_chaman_1" in lines[0]
    assert "days left" in lines[0]
    assert "caller c2: p2, p1" in lines
    (first, *_) = (line for line in lines if line.startswith("caller "))
    assert first == "caller old"
    assert len(lines) < 90


def test_of_many_profiles_those_with_a_finding_are_shown_in_full_and_first(check, tmp_path):
    """So that nobody has to look for them."""
    write_identity(tmp_path, key=PAIR)
    (tmp_path / "bad.pem").write_text("no key")
    other = (
        PROFILE.format(environment="acceptance").replace("employer", "broken").replace('"acme"', '{ pem = "bad.pem" }')
    )
    code, out, _ = check(MANY + other + KEY)
    lines = out.splitlines()
    assert code == 1
    assert lines[0] == "broken"
    assert sum(line.startswith("  ") for line in lines) == sum(line.startswith("  ") for line in lines[:12])
    assert lines[-1] == "1 finding"
