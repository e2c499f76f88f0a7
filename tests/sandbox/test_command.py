"""`fla-gateway sandbox` as a process, and its page in the documentation."""

import asyncio
import re
import signal
import socket
import ssl
import subprocess
import sys
import tomllib
from pathlib import Path

import aiohttp

from fla_gateway.sandbox import faults, options
from fla_gateway.sandbox.authorization_server import assertion

DOCUMENTATION = (Path(__file__).parents[2] / "docs/sandbox.md").read_text()
SOURCES = Path(assertion.__file__).parent


async def start(*words):
    """Start the command with free ports."""
    ports = ("--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fla_gateway", "sandbox", *ports, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def test_command_serves_until_told_to_stop(tmp_path):
    """The command prints a configuration that is TOML, serves, reports each exchange, and ends with 0 on SIGTERM."""
    process = await start("--directory", str(tmp_path / "box"), "--name", "sandbox.example", "--token-life", "7")
    introduction = (await process.stdout.readuntil(b"Exchanges:\n")).decode()
    printed = tomllib.loads(introduction[introduction.index("  [environments") : introduction.index("Exchanges")])
    environment = printed["environments"]["sandbox"]
    context = ssl.create_default_context(cafile=environment["ca_file"])
    async with (
        aiohttp.ClientSession() as session,
        session.post(environment["token_url"], data={}, ssl=context) as answer,
    ):
        assert answer.status == 400
    process.send_signal(signal.SIGTERM)
    rest, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert rest.decode().splitlines() == ["", "400  POST   /REST/oauth/v5/token  grant_type is missing"]
    secret = (tmp_path / "box/control.secret").read_text().strip()
    assert secret not in introduction


async def test_command_says_what_is_wrong_with_its_arguments(tmp_path):
    """A certificate that cannot be used is one sentence and exit code 2."""
    process = await start("--register", "me", str(tmp_path / "missing.cer"))
    output, errors = await process.communicate()
    assert (process.returncode, output) == (2, b"")
    assert errors.decode().strip().endswith("missing.cer cannot be read: No such file or directory")


async def test_an_address_in_use_ends_with_75():
    """As for `run`: the same start may succeed later."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = await start("--listen", address)
        output, errors = await process.communicate()
    assert (process.returncode, output) == (75, b"")
    assert errors.decode() == f"{address} cannot be listened on: another program listens there\n"


async def test_command_without_its_libraries_says_how_to_install_them():
    """Without authlib and joserfc there is one sentence, for `sandbox` and for `demo`."""
    program = "import sys; sys.modules['authlib'] = None; from fla_gateway.cli.main import main; main()"
    for command in ("sandbox", "demo"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        output, errors = await process.communicate()
        assert (process.returncode, output) == (2, b"")
        assert errors.decode().count("\n") == 1
        assert "pip install 'fla-gateway[sandbox]'" in errors.decode()


def test_every_fault_is_documented():
    """docs/sandbox.md names every kind of fault, and no other."""
    tables = DOCUMENTATION.split("### Faults of")
    for table, kinds in zip(tables[1:], (faults.TOKEN_KINDS, faults.API_KINDS), strict=True):
        first_cells = " ".join(re.findall(r"^\| (`.*?) \|", table.partition("\n## ")[0], re.MULTILINE))
        assert set(re.findall(r"`([^`]+)`", first_cells)) == set(kinds)


def test_every_reason_is_documented():
    """docs/sandbox.md names every reason for which an assertion is refused."""
    modules = ("assertion.py", "grants.py", "jti_replay.py")
    source = "".join((SOURCES / name).read_text() for name in modules)
    reasons = set(re.findall(r'AssertionRefusedError\(\s*"([a-z-]+)"', source))
    assert len(reasons) >= 14
    assert not {reason for reason in reasons if f"`{reason}`" not in DOCUMENTATION}


def test_documentation_names_the_client():
    """docs/sandbox.md names the client id that the sandbox registers."""
    assert options.CLIENT_ID in DOCUMENTATION
