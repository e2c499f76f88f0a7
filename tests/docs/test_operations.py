"""docs/operations.md names what is there: alarms, events, metrics, codes; its script keeps heads."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import cache

import pytest

from fla_gateway.cli.main import build_parser
from fla_gateway.problems import PROBLEMS
from tests.cli.documents import command_parsers
from tests.docs.pages import PAGES, ROOT, blocks, read, rows
from tests.support.journal_writer import NOON, a_record, opened
from tests.support.tokens import HandClock

PAGE = "docs/operations.md"
NAMES = {*command_parsers(), "COMMAND [arguments]", "--version", "token --reveal", "audit verify --head"}
_ID = "0b0e2a3c-7d5c-4a0e-9b1d-3f9a7c1d2e4f"
VALUES = {"NAME": "payroll", "HASH": "0" * 64, "ID": _ID, "REQUEST-ID": _ID}


def named():
    """Give everything that the page sets as code."""
    return set(re.findall(r"`([^`\n]+)`", read(PAGE)))


def listed(page):
    """Give the first cells of a page's tables."""
    return {name for row in rows(read(page)) for name in re.findall(r"`([a-z_-]+)`", row[0])}


@cache
def parser():
    """Build the parser once for the hundreds of commands that it reads."""
    return build_parser()


def shown_commands():
    """Give every command of this program that a page shows with arguments, in a line of its own or within one."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        # What a person reads as one may stand on two lines.
        inline = [" ".join(code.split()) for code in re.findall(r"`(fla-gateway [^`]+)`", text)]
        lines = re.findall(r"^ {4,}(?:[^\s=]*/bin/)?(fla-gateway(?: [^\s#|>]+)+)", text, re.MULTILINE)
        for command in sorted({*inline, *lines}):
            yield page.name, command.strip()


def exists(command):
    """Return whether the program takes a command with the arguments that it is shown with."""
    words = shlex.split(command)[1:]
    # Its help ends a command before it has what it needs.
    if " ".join(words).removesuffix(" --help") in NAMES:
        return True
    try:
        parser().parse_args([VALUES.get(word, word) for word in words])
    except (SystemExit, ValueError):
        return False
    return True


def test_every_command_that_is_shown_exists():
    """Each command of README and docs is taken by the program, with the arguments that it is shown with."""
    shown = list(shown_commands())
    assert len(shown) > 250
    assert [(page, command) for page, command in shown if not exists(command)] == []
    assert not exists("fla-gateway run --no-such-option")


def test_every_alarm_leads_somewhere():
    """Whoever is woken by one of the rules finds it on the page."""
    alarms = set(re.findall(r"- alert: (\w+)", read("docs/metrics.md")))
    assert len(alarms) > 10
    assert alarms <= named()


def test_every_metric_exists():
    """No metric that the page names is one that cannot be seen."""
    metrics = {re.split(r"\W", name)[0] for name in named() if name.startswith("fla_gateway_")}
    assert len(metrics) > 10
    assert metrics <= listed("docs/metrics.md")


def test_every_event_exists():
    """An event that the page names stands in the list of events."""
    events = set(re.findall(r"events? `([a-z-]+)`", read(PAGE)))
    assert len(events) > 8
    assert events <= listed("docs/logs.md") | listed("docs/tokens.md")


@pytest.mark.parametrize("heading", ["What is wrong?", "No token", "A caller is refused", "The API fails or is slow"])
def test_every_code_exists(heading):
    """What looks like a problem code in the parts about answers is one."""
    (part,) = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^## )", read(PAGE), re.MULTILINE | re.DOTALL)
    looks = re.compile(r"`((?:api|token|credentials|journal|profile|caller|wrong|browser|ambiguous)-[a-z-]+)`")
    codes = set(looks.findall(part)) - listed("docs/logs.md") - {"token-server", "token-braked"}
    assert codes
    assert codes <= PROBLEMS.keys()


async def test_the_script_keeps_heads(tmp_path):
    """It notes a head each time it runs, has the journal held against the last one, and fails once that is gone."""
    journal = opened(tmp_path / "journal", HandClock(wall=NOON))
    journal.exchange(a_record())
    journal.close()
    (script,) = blocks(ROOT / PAGE, "sh")
    verify = f"{sys.executable} -m fla_gateway audit verify --journal {tmp_path / 'journal'}"
    kept = tmp_path / "heads"

    def keep():
        environment = {**os.environ, "KEPT": str(kept), "VERIFY": verify}
        return subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=False)

    for number in (1, 2):
        ended = keep()
        assert (ended.returncode, ended.stdout) == (0, ""), ended
        assert [re.fullmatch(r"\S+Z [0-9a-f]{64}", line) is not None for line in kept.read_text().splitlines()] == [
            True
        ] * number
    kept.write_text(kept.read_text() + f"2026-11-23T06:15:00Z {'a' * 64}\n")
    ended = keep()
    assert ended.returncode == 1
    assert "no record has the hash" in ended.stdout
