"""The systemd unit of the README, judged by systemd's own programs."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.docs.pages import ROOT

pytestmark = pytest.mark.needs_program("systemd-analyze")


@pytest.fixture
def unit(tmp_path):
    """Write the unit, with a program that exists on this machine."""
    (found,) = re.findall(r"```ini\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "fla-gateway.service"
    path.write_text(found.replace("/opt/fla-gateway/bin/fla-gateway", "/bin/true"))
    return path


def test_systemd_finds_no_fault_in_it(unit):
    """Every key is known, and every value can be read."""
    words = ["systemd-analyze", "verify", unit]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_confined(unit):
    """Below 2.0 of 10 by the measure of systemd-analyze; a plain service has 9.6."""
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_says_what_the_exit_codes_and_the_protocol_need(unit):
    """A cut is no failure, a faulty configuration is not tried again, and what a reload says reaches systemctl."""
    lines = unit.read_text().splitlines()
    for line in ("Type=notify", "SuccessExitStatus=3", "RestartPreventExitStatus=2"):
        assert line in lines
    assert any(line.startswith("ExecReload=/bin/true reload ") for line in lines)
