"""`fla-gateway token`, against a real TLS server."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
from typing import NamedTuple

import pytest
from aiohttp import web

from fla_gateway.cli.main import execute
from tests.support.forked_process import fork_gateway
from tests.support.keys import TlsAuthority, make_ec, write_identity
from tests.support.waiting import PATIENCE

CONFIGURATION = """
[profiles.employer]
environment = "staging"
client_id = "client-1"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}

[environments.staging]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "ca.pem"
"""


class Ended(NamedTuple):
    code: int | None
    out: str
    err: str


@pytest.fixture
async def staging(tmp_path):
    """Start a token server with a given handler; the configuration beside it points there."""
    authority = TlsAuthority()
    authority.write_root(tmp_path)
    write_identity(tmp_path, key=make_ec())
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler):
            application = web.Application()
            application.router.add_post("/REST/oauth/v5/token", handler)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "localhost", 0, ssl_context=authority.server_context(tmp_path))
            await site.start()
            port = runner.addresses[0][1]
            file = tmp_path / "gateway.toml"
            file.write_text(CONFIGURATION.format(port=port))
            return file

        yield start


async def run_token(file, *words):
    """Run the command."""
    out, err = io.StringIO(), io.StringIO()

    def run():
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return execute(["token", "--config", str(file), *words])

    async with asyncio.timeout(PATIENCE):
        code = await asyncio.to_thread(run)
    return Ended(code, out.getvalue(), err.getvalue().removeprefix(f"configuration: {file}\n"))


async def run_process(file, *words):
    """Run the command in a process of its own."""
    process = await fork_gateway("token", "--config", str(file), *words)
    out, err = await process.communicate()
    return Ended(process.returncode, out.decode(), err.decode().removeprefix(f"configuration: {file}\n"))


async def granted(request):
    """Answer with a token."""
    form = await request.post()
    assert form["grant_type"] == "client_credentials"
    return web.json_response(
        {"access_token": "canary-token", "token_type": "Bearer", "expires_in": 600, "scope": "a b"}
    )


async def refused(request):
    """Refuse the client, with an escape sequence for the terminal of whoever reads it."""
    return web.json_response({"error": "invalid_client", "error_description": "unknown key\x1b[31m"}, status=401)


async def test_shows_what_came_but_not_the_token(staging):
    """Lifetime, scope, server and clock are shown; the token is not."""
    ended = await run_token(await staging(granted), "employer")
    assert (ended.code, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert "lifetime 600 s" in lines
    assert "scope a b" in lines
    assert "client id client-1" in lines
    assert "clock offset none worth mentioning" in lines
    assert any(line.startswith("token server https://localhost:") for line in lines)
    assert "canary" not in ended.out


async def test_reveal_gives_standard_output_to_the_token(staging):
    """With --reveal, standard output is the token and nothing else; the warning goes to standard error."""
    ended = await run_process(await staging(granted), "employer", "--reveal")
    assert (ended.code, ended.out) == (0, "canary-token\n")
    assert "warning" in ended.err
    assert "lifetime" in ended.err
    assert "canary" not in ended.err


async def test_refusal_is_a_finding(staging):
    """A token server that refuses is exit code 1, with the reason made printable and without the assertion."""
    ended = await run_token(await staging(refused), "employer")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("token-refused: ")
    assert "invalid_client" in ended.err
    assert "\x1b" not in ended.err
    assert "eyJ" not in ended.err


async def test_unknown_profile(staging):
    """A profile that is not configured is exit code 2, with the name that is nearest."""
    ended = await run_token(await staging(granted), "employe")
    assert ended.code == 2
    assert "did you mean 'employer'?" in ended.err


async def test_untrusted_server_gets_no_assertion(staging, tmp_path):
    """A server that none of the roots vouches for is told as such, and never sees an assertion."""
    asked = []

    async def handler(request):
        asked.append(request)
        return await granted(request)

    file = await staging(handler)
    TlsAuthority("another").write_root(tmp_path)
    ended = await run_token(file, "employer")
    assert (ended.code, asked) == (1, [])
    assert "not trusted" in ended.err


async def test_interrupt_ends_quietly(staging):
    """Ctrl-C while the token server is slow ends the command at once, without a traceback."""
    reached, released = asyncio.Event(), asyncio.Event()

    async def slow(request):
        reached.set()
        await released.wait()
        return web.Response()

    file = await staging(slow)
    process = await fork_gateway("token", "employer", "--config", str(file))
    async with asyncio.timeout(PATIENCE):  # a command that ends before it asks fails here, and not for ever
        await reached.wait()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    released.set()
    assert (process.returncode, err) == (130, f"configuration: {file}\n".encode())
