"""What a finding refers to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fla_gateway
from fla_gateway.diagnosis.findings import Check, Verdict, worst
from fla_gateway.i18n.message import Text

ROOT = Path(__file__).parents[2]
PACKAGE = Path(fla_gateway.__file__).parent
SOURCES = [*(PACKAGE / "diagnosis").glob("*.py"), PACKAGE / "runtime/composition/diagnosis.py"]
CODES = sorted(
    {
        code
        for source in SOURCES
        for code in re.findall(
            r'(?:(?:Check|skip|_warned)\(\s*|code=|": \(|^    \()"([a-z-]+)"',
            source.read_text("utf-8"),
            re.MULTILINE,
        )
    }
)


def test_the_codes_are_found():
    """The pattern above reads the source; these are the checks that the doctor has."""
    assert set(CODES) == {
        "configuration", "files", "client-id", "environment", "key", "key-matches-certificate", "certificate-dates",
        "key-rules", "gateway", "way", "name", "tcp", "proxy", "tls", "clock", "token", "token-latest", "scopes",
        "call", "calls",
    }  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_every_check_is_explained_under_its_anchor(code):
    """docs/doctor.md has a heading of the very name that `anchor` refers to."""
    assert f"\n### {code}\n" in (ROOT / "docs/doctor.md").read_text("utf-8")


def check(code: str, verdict: Verdict) -> Check:
    """Make a finding."""
    return Check(code, "machine", Text("it works"), verdict, Text("seen"))


def test_the_worst_is_the_first_fatal_one_else_the_first_warning():
    """What was fine or skipped is no finding."""
    fine, warned, later, fatal = check("a", "ok"), check("b", "warning"), check("c", "warning"), check("d", "fatal")
    assert worst([fine, warned, later, fatal]) is fatal
    assert worst([fine, warned, later]) is warned
    assert worst([fine, check("e", "skipped")]) is None


WITHOUT_FAILURE = {"gateway", "way", "call"}
"""These say what was not asked, and why; nothing about them can be wrong."""


@pytest.mark.parametrize("code", sorted(set(CODES) - WITHOUT_FAILURE))
def test_a_failure_of_every_check_is_produced_in_a_test(code):
    """In the tests of the doctor or of its ways, against real files, sockets and TLS."""
    tests = (ROOT / "tests/cli/test_doctor.py", ROOT / "tests/diagnosis/test_network_checks.py")
    failure = re.compile(f'(?:"|/){code}"(?:: "(?:warning|fatal)"|: verdict)')
    assert any(failure.search(it.read_text("utf-8")) for it in tests)


def test_no_server_is_looked_at_without_verifying_it_but_for_the_sentence_who_it_is():
    """Beside that, the commands reach the gateway of this machine, whose user they know by its socket."""
    found = {str(it.relative_to(PACKAGE)) for it in PACKAGE.rglob("*.py") if "CERT_NONE" in it.read_text("utf-8")}
    assert found == {"diagnosis/presented_chain.py", "cli/remote/admin_connection.py"}
