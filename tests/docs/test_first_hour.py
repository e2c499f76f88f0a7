"""The README's three steps work as they are pasted: each ends in a call that is answered by the API.

The first two are pasted word for word into a clean folder. In the third the client id takes the place of the dots, and
the sandbox that of the official hosts. What `make` sets up is there already, except in a
long run, which begins with a clean clone.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tomllib
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest

from fla_gateway.cli.main import execute
from tests.docs.pages import ROOT, read
from tests.support.terminal import own_network, terminal

pytestmark = pytest.mark.needs_program("curl")

PLACEHOLDER = "0" * 64
EXAMPLE = "self_service_chaman_123456_78912"
CLIENT = "self_service_chaman_000000_mine"
STAYS = {"make demo": "Your turn", "fla-gateway sandbox": "Exchanges:", "fla-gateway run": "ready"}
"""What a program prints that stays up, by how its line begins."""
STAND_IN = """
[environments.stand-in]
api_base = "https://localhost:9443"
token_url = "https://localhost:9443/REST/oauth/v5/token"
ca_file = "box/ca.pem"
"""


class Paste(NamedTuple):
    """A block of a step."""

    terminal: str
    text: str

    @property
    def until(self):
        """What its last command prints if that stays up."""
        last = self.text.splitlines()[-1].partition("#")[0]
        return next((words for begin, words in STAYS.items() if last.startswith(begin)), "")


def step(number):
    """Give the text of a step."""
    (found,) = re.findall(rf"^### Step {number}:.*?$(.*?)(?=^##)", read("README.md"), re.MULTILINE | re.DOTALL)
    return found


def pastes(number):
    """Give the blocks that a step has for terminals."""
    found = re.findall(r"^```sh\n# (terminal \d)\n(.*?)^```$", step(number), re.MULTILINE | re.DOTALL)
    return [Paste(*it) for it in found]


@pytest.fixture
async def desk(tmp_path):
    """A clean folder with the sources, and terminals that open in it, by name."""
    bin_ = tmp_path / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "python").symlink_to(sys.executable)
    program = bin_ / "fla-gateway"
    path = f"{ROOT}/tests/support/as_installed:{ROOT}"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {sys.executable} -m fla_gateway "$@"\n')
    program.chmod(0o755)
    for name in ("Makefile", "requirements", "pyproject.toml", "fla_gateway"):
        (tmp_path / name).symlink_to(ROOT / name)
    # What `make` sets up is there already.
    (tmp_path / ".venv" / ".demo").touch()
    async with AsyncExitStack() as stack:
        prefix = await stack.enter_async_context(own_network())
        opened = {}

        async def find(name, folder=tmp_path):
            if name not in opened:
                opened[name] = await stack.enter_async_context(terminal(prefix, folder, LANG="C.UTF-8"))
            return opened[name]

        yield find


@pytest.fixture
async def clone(tmp_path):
    """A clean clone on which `make` has really set up what the demo needs, and terminals that open in it."""
    folder = tmp_path / "clone"
    for command in (("git", "clone", "--quiet", str(ROOT), str(folder)), ("make", "-C", str(folder), ".venv/.demo")):
        process = await asyncio.create_subprocess_exec(*command)
        assert await process.wait() == 0
    async with AsyncExitStack() as stack:
        prefix = await stack.enter_async_context(own_network())
        opened = {}

        async def find(name):
            if name not in opened:
                opened[name] = await stack.enter_async_context(terminal(prefix, folder, LANG="C.UTF-8"))
            return opened[name]

        yield find


async def paste_all(desk, blocks):
    """Paste blocks one after the other, each into its terminal; give what appeared in each."""
    screens = []
    for block in blocks:
        shell = await desk(block.terminal)
        screens.append(await shell.paste(block.text, block.until))
    return screens


def statuses(screen):
    """Give the statuses of the answers that curl printed."""
    return re.findall(r"^HTTP/1\.1 (\d{3})", screen, re.MULTILINE)


async def test_step_1_pasted(desk):
    """The demo stays up, the call is answered by the API, and Ctrl-C ends the demo."""
    _, screen = await paste_all(desk, pastes(1))
    assert statuses(screen) == ["201"]
    assert "Fla-Gateway-Origin: upstream" in screen
    shell = await desk("terminal 1")
    await shell.interrupt()
    assert await shell.paste("curl -s http://127.0.0.1:8480/ || echo nothing there") == "nothing there\n"


@pytest.mark.soak
@pytest.mark.needs_program("git")
async def test_steps_1_and_2_pasted_on_a_clean_clone(clone):
    """Nothing is there but the sources, and nothing in the way is left out: installation, demo, Ctrl-C, step 2."""
    _, screen = await paste_all(clone, pastes(1))
    assert statuses(screen) == ["201"]
    await (await clone("terminal 1")).interrupt()
    _, _, checked, called = await paste_all(clone, pastes(2))
    assert "\nall well\n" in checked
    assert statuses(called) == ["201", "401", "403"]


async def test_step_2_pasted(desk):
    """`init --sandbox` makes a configuration that works; sandbox and gateway run, and three calls are answered."""
    made, _, checked, called = await paste_all(desk, pastes(2))
    assert "201 Created" in made
    assert re.search(r"^  fla-gateway sandbox --directory \S+/first/sandbox$", made, re.MULTILINE)
    assert re.search(r"^  fla-gateway run --config \S+/first/gateway.toml$", made, re.MULTILINE)
    assert "\nall well\n" in checked
    shown = re.findall(r"^    HTTP/1\.1 (\d{3})", step(2), re.MULTILINE)
    assert statuses(called) == shown == ["201", "401", "403"]
    assert "Works. The gateway is running." in called
    assert "payroll" in called.partition("Works.")[2]
    (line,) = re.findall(r"^  (curl .*)$", made, re.MULTILINE)
    assert statuses(await (await desk("terminal 3")).paste(line)) == ["201"]


async def test_step_3_with_what_it_says(desk, tmp_path):
    """`init` stops for the client id and goes on with it; against another government side both calls are answered."""
    begin, go_on, served, called = pastes(3)
    first = await desk(begin.terminal)
    printed = await first.paste(f"{begin.text.rstrip()}; echo ended $?")
    assert "ended 1" in printed
    assert "own/for-chaman/employer.html" in printed
    printed = await first.paste(f"{go_on.text.replace('self_service_chaman_...', CLIENT).rstrip()}; echo ended $?")
    assert "ended 0" in printed
    assert "\nall well\n" in printed
    file = tmp_path / "own" / "gateway.toml"
    file.write_text(file.read_text().replace('"simulation"', '"stand-in"') + STAND_IN)

    sandbox = f"fla-gateway sandbox --directory box --register {CLIENT} secrets/employer.cer"
    await (await desk("sandbox")).paste(f"cd own && ../.venv/bin/{sandbox}", "Exchanges:")
    checked = await first.paste(served.text, served.until)
    assert "\nall well\n" in checked
    assert "lifetime" in checked
    screen = await (await desk(called.terminal)).paste(called.text)
    assert statuses(screen) == ["404", "404"]
    assert screen.count("Fla-Gateway-Origin: upstream") == 2
    assert "Works. The gateway is running." in screen
    # The journal shows both calls to the one who opened the terminal in that folder.
    assert len(re.findall(r"^\S+Z +answered +404 +payroll ", screen, re.MULTILINE)) == 2


def test_step_3_shows_what_init_writes(tmp_path):
    """The block is the configuration of its own command, but for client id, digests and comments."""
    words = ["init", "--yes", "--directory", str(tmp_path / "own"), "--quality", "employer", "--company", "Acme NV"]
    assert execute([*words, "--enterprise-number", "0123.456.749", "--client-id", CLIENT]) == 0
    document = tomllib.loads((tmp_path / "own" / "gateway.toml").read_text())
    del document["include"]
    document["profiles"]["employer"]["client_id"] = EXAMPLE
    document["callers"]["payroll"]["keys"][0]["sha256"] = document["admin"]["key"]["sha256"] = PLACEHOLDER
    (text,) = re.findall(r"```toml\n(.*?)```", step(3), re.DOTALL)
    assert tomllib.loads(text) == document


def test_placeholders_are_named(tmp_path, capsys):
    """As long as one is left, `check` says which."""
    (text,) = re.findall(r"```toml\n(.*?)```", step(3), re.DOTALL)
    (tmp_path / "gateway.toml").write_text(text)
    assert execute(["check", "--config", str(tmp_path / "gateway.toml")]) == 2
    refused = capsys.readouterr().err
    for place in ("profiles.employer.client_id", "callers.payroll.keys[0].sha256", "admin.key.sha256"):
        assert place in refused


def test_the_configuration_is_narrow():
    """It has one caller, known by a key, whose permissions name each path, a key for the page, and a journal."""
    (text,) = re.findall(r"```toml\n(.*?)```", step(3), re.DOTALL)
    document = tomllib.loads(text)
    ((name, caller),) = document["callers"].items()
    assert name == "payroll"
    assert [key["sha256"] for key in caller["keys"]] == [document["admin"]["key"]["sha256"]] == [PLACEHOLDER]
    assert caller["allow"].keys() == document["profiles"].keys()
    assert not any("**" in entry for entries in caller["allow"].values() for entry in entries)
    assert document["audit"]["path"]
    assert os.sep not in document["audit"]["path"]
