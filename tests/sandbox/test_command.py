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

from fla_gateway.cli.main import execute
from fla_gateway.sandbox import Sandbox, faults, options
from fla_gateway.sandbox.authorization_server import assertion
from tests.sandbox.stage import HandClock
from tests.support.forked_process import fork_gateway
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_rsa, write_private

DOCUMENTATION = (Path(__file__).parents[2] / "docs/sandbox.md").read_text()
SOURCES = Path(assertion.__file__).parent


async def start(*words):
    """Start the command with free ports."""
    ports = ("--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
    return await fork_gateway("sandbox", *ports, *words)


async def test_command_serves_until_told_to_stop(tmp_path):
    """The command prints a configuration that is TOML, serves, reports each exchange, and ends with 0 on SIGTERM."""
    process = await start("--directory", str(tmp_path / "box"), "--name", "sandbox.example", "--token-life", "7")
    introduction = (await process.stdout.readuntil(b"Exchanges:\n")).decode()
    printed = tomllib.loads(introduction[introduction.index("[environments") : introduction.index("Exchanges")])
    assert printed == tomllib.loads((tmp_path / "box/gateway.toml").read_text())
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
    for secret in ("control.secret", "payroll.key", "client.key.pem", "server.pem"):
        assert (tmp_path / "box" / secret).read_text().strip() not in introduction
        assert (tmp_path / "box" / secret).stat().st_mode & 0o077 == 0


async def printed_by(*words):
    """Start the command, end it when it serves; give what it printed on both streams."""
    process = await start(*words)
    introduction = await process.stdout.readuntil(b"Exchanges:\n")
    process.terminate()
    _, errors = await process.communicate()
    return introduction.decode(), errors.decode()


async def test_a_registered_client_has_a_whole_configuration(tmp_path):
    """Each client has a file that `check` accepts once its key is there, and that names the caller's key."""
    key = make_rsa()
    (tmp_path / "acme.cer").write_bytes(certificate_pem(make_certificate(key)))
    write_private(tmp_path / "acme.pem", key_pem(key))
    box = tmp_path / "box"
    text, errors = await printed_by("--directory", str(box), "--register", "mine", str(tmp_path / "acme.cer"))
    assert errors == ""
    assert f"in {box}/gateway-2.toml:" in text
    for name, client in (("gateway.toml", options.CLIENT_ID), ("gateway-2.toml", "mine")):
        assert tomllib.loads((box / name).read_text())["profiles"]["employer"]["client_id"] == client
        assert (await asyncio.to_thread(execute, ["check", "--config", str(box / name)])) == 0


async def test_a_further_start_keeps_ca_keys_and_configurations(tmp_path):
    """A gateway goes on trusting a sandbox that was started again, and nothing of the operator's is overwritten."""
    await printed_by("--directory", str(tmp_path))
    lasting = ("ca.pem", "server.pem", "client.key.pem", "client.cer", "payroll.key")
    before = [(tmp_path / name).read_bytes() for name in lasting]
    (tmp_path / "gateway.toml").write_text("# mine\n")
    text, errors = await printed_by("--directory", str(tmp_path))
    assert [(tmp_path / name).read_bytes() for name in lasting] == before
    assert errors == ""
    assert (tmp_path / "gateway.toml").read_text() == "# mine\n"
    assert "stays as it is" in text


async def test_what_does_not_serve_any_more_is_renewed_with_a_warning(tmp_path):
    """Another name, a damaged file: the CA or the key is another one then, and a warning says so."""
    await printed_by("--directory", str(tmp_path))
    _, errors = await printed_by("--directory", str(tmp_path), "--name", "further.example")
    assert "ca.pem is a new CA, since it is known under further names now" in errors
    (tmp_path / "client.cer").write_text("")
    _, errors = await printed_by("--directory", str(tmp_path), "--name", "further.example")
    assert errors.startswith("warning: client.key.pem is a new key, since ")


async def test_certificates_that_end_soon_are_renewed(tmp_path):
    """Within a week of their end, by the sandbox's clock."""
    clock = HandClock()
    for days, renewed in ((0, 0), (60, 0), (30, 2), (0, 0)):
        clock.pass_by(days * 86_400)
        sandbox = Sandbox(options.SandboxOptions(directory=tmp_path), clock=clock)
        await sandbox.start()
        await sandbox.close()
        assert len(sandbox.renewed) == renewed


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
        assert "pip install '.[sandbox]'" in errors.decode()


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
