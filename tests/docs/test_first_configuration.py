"""The README's first configuration works as it stands: a key from `caller new`, and the calls that the README shows."""

from __future__ import annotations

import asyncio
import re
import shlex
import tomllib

import pytest

from fla_gateway.cli.main import execute
from tests.docs.pages import ROOT, blocks
from tests.support.keys import TlsAuthority, make_certificate, make_rsa, pkcs12_bytes, write_private
from tests.support.process import Government, run
from tests.support.raw_http import get, post

README = ROOT / "README.md"
PLACEHOLDER = "0" * 64
OF_THE_TEST = """
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "ca.pem"
"""


def first_configuration():
    """Give the text of the first block of TOML."""
    return next(blocks(README, "toml"))


def shown_calls():
    """Give the lines with curl that carry a key and a whole address."""
    return re.findall(r"^    (curl .*\$KEY.*)$", README.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
async def government(tmp_path):
    """Run token server and API."""
    authority = TlsAuthority()
    authority.write_root(tmp_path)
    stub = Government(authority.server_context(tmp_path))
    await stub.start()
    yield stub
    await stub.close()


@pytest.fixture
def pair(capsys):
    """Make the caller's key as the README says; give it with its SHA-256."""
    assert execute(["caller", "new", "payroll", "--quiet"]) == 0
    return capsys.readouterr().out.split()


@pytest.fixture
async def process(tmp_path, government, pair):
    """Run the first configuration with this digest; the government side is a stub, and the ports are free ones."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    key = make_rsa()
    write_private(secrets / "employer.pfx", pkcs12_bytes(key, make_certificate(key), password="open"))
    write_private(secrets / "employer.pass", "open\n")
    text = first_configuration().replace(PLACEHOLDER, pair[1]).replace('"simulation"', '"stub"')
    path = tmp_path / "gateway.toml"
    path.write_text(text + OF_THE_TEST.format(port=government.port), encoding="utf-8")
    async with run(path) as started:
        await started.event("ready")
        yield started


async def curl(line, port, key):
    """Run a line of the README in a shell; give what curl printed."""
    command = line.replace("127.0.0.1:8480", f"127.0.0.1:{port}").replace("curl ", "curl -sS ", 1)
    shell = await asyncio.create_subprocess_exec(
        "sh", "-c", command, stdout=asyncio.subprocess.PIPE, env={"KEY": key, "PATH": "/usr/bin:/bin"}
    )
    printed, _ = await shell.communicate()
    return printed.decode()


def test_it_is_narrow():
    """It has one caller, known by a key, whose permissions name each path, and a journal."""
    document = tomllib.loads(first_configuration())
    ((name, caller),) = document["callers"].items()
    assert name == "payroll"
    assert [key["sha256"] for key in caller["keys"]] == [PLACEHOLDER]
    assert caller["allow"].keys() == document["profiles"].keys()
    assert not any("**" in entry for entries in caller["allow"].values() for entry in entries)
    assert document["audit"]["path"]


@pytest.mark.needs_program("curl")
async def test_the_calls_that_are_shown_pass(process, government, pair):
    """Each line with curl and the key reaches the API, which sees nothing of the key; the journal names the caller."""
    calls = shown_calls()
    assert {shlex.split(line, comments=True)[2] for line in calls} == {"-u", "-H"}
    for line in calls:
        printed = await curl(line, process.port(), pair[0])
        assert printed.startswith("HTTP/1.1 200 "), printed
        assert "Fla-Gateway-Origin: upstream" in printed
    assert len(government.calls) == len(calls)
    assert not any(pair[0].encode() in value for call in government.calls for _, value in call.fields)
    assert {line["caller"] for line in process.requests} <= {"payroll"}


async def test_nobody_else_and_nothing_else_passes(process, government, pair):
    """Without the key a call is 401, with it one that `allow` does not have is 403, and neither reaches the API."""
    key = f"X-Api-Key: {pair[0]}"
    path = "/employer/REST/dimona/v2/declarations"
    assert (await process.call(get(f"{path}/1"))).status == 401
    assert (await process.call(get(path, key))).status == 403
    assert (await process.call(post(b"{}", key, path=f"{path}/1"))).status == 403
    assert government.calls == []
    assert (await process.call(post(b"{}", key, path=path))).status == 200
    assert len(government.calls) == 1
