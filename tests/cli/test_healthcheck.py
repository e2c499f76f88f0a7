"""`fla-gateway healthcheck`: what a monitor learns from the exit code."""

from __future__ import annotations

import asyncio
import socket

import pytest

from fla_gateway.admin.access_rules import AdminAccess
from tests.admin.conftest import Shown, State, serving
from tests.cli.test_reload import command
from tests.support.waiting import PATIENCE

NOBODYS = 4_000_000_000
"""No process here runs as this user, so that the listener knows no command."""


@pytest.mark.parametrize(
    ("ready", "reason", "code"), [(True, "serving", 0), (False, "no-profile", 1), (False, "draining", 1)]
)
async def test_the_exit_code_says_whether_it_serves(ready, reason, code):
    """0 for a gateway that serves and 1 for one that does not, with the reason on standard output."""
    state = State()
    state.answer = (ready, reason)
    async with serving(state, Shown(), AdminAccess(uid=NOBODYS)) as port:
        ended = await command("healthcheck", "--admin", f"http://127.0.0.1:{port}")
    assert ended == (code, f"{reason}\n", "")


async def test_a_gateway_is_found_by_its_configuration(tmp_path):
    """Without --admin the configuration says where it listens, and standard error which file that was."""
    async with serving(State(), Shown(), AdminAccess(uid=NOBODYS)) as port:
        config = tmp_path / "gateway.toml"
        config.write_text(f'[admin]\nlisten = "127.0.0.1:{port}"\n')
        code, out, err = await command("healthcheck", "--config", config)
    assert (code, out, err) == (0, "serving\n", f"configuration: {config}\n")


async def test_without_a_gateway_it_is_69():
    """Nothing listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, out, err = await command("healthcheck", "--admin", f"http://127.0.0.1:{port}")
    assert (code, out) == (69, "")
    assert "no gateway answers" in err


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 404 x\r\nContent-Length: 2\r\n\r\n{}"]
)
async def test_what_is_no_gateway_is_69(answer):
    """Another server at the address, whatever it says, is no gateway that serves."""

    async def other(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        code, out, _ = await command("healthcheck", "--admin", f"http://127.0.0.1:{port}")
    assert (code, out) == (69, "")


async def test_a_gateway_that_hangs_is_69_in_time():
    """A listener that accepts and never answers is given up after --timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with asyncio.timeout(PATIENCE):
            code, _, err = await command(
                "healthcheck", "--timeout", "0.2", "--admin", f"http://127.0.0.1:{silent.getsockname()[1]}"
            )
    assert code == 69
    assert "did not answer in time" in err


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", "nan", "1e9"])
async def test_a_time_out_is_a_number_of_seconds(wrong):
    """Wrong use is 2, with what is allowed."""
    code, _, err = await command("healthcheck", f"--timeout={wrong}")
    assert code == 2
    assert "seconds above 0" in err


async def test_no_key_is_sent(monkeypatch):
    """A probe is open to every client, so the admin key is not sent, whatever listens there."""
    heads = []

    async def listener(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n{"ready": true,  "reason": "serving"} \n')
        writer.close()

    async with await asyncio.start_server(listener, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("FLA_GATEWAY_ADMIN_KEY", "flagw_" + "0" * 64)
        code, out, _ = await command("healthcheck", "--admin", f"http://127.0.0.1:{port}")
    assert (code, out) == (0, "serving\n")
    assert b"flagw_" not in heads[0]
