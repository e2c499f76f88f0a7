"""Drain and quit of `fla-gateway run` as a process, by the commands and from other users."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys

import aiohttp
import pytest

from tests.support.forked_process import fork_gateway
from tests.support.raw_http import get
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])


async def command(*words):
    """Run a command; give its exit code and what it printed."""
    process = await fork_gateway(*words)
    async with asyncio.timeout(8 * PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode() + err.decode()


@pytest.mark.parametrize(
    ("admin", "security"),
    [("0.0.0.0:0", ""), ("[::]:0", ""), ("unix:admin.sock", "[security]\nlandlock = true")],
    ids=["IPv4", "IPv6", "a socket of a confined process"],
)
async def test_a_gateway_is_drained_and_ended_by_command(begin, government, tmp_path, admin, security):
    """Drained it is unready and serves; ended it is gone, with 0; a listener on all addresses is on loopback too."""
    process = await begin(admin=admin, more=security, program=bool(security))
    await process.event("ready")
    # A real port is not in the configuration.
    address = process.events("admin-listening")[0]["address"]
    where = address if address.startswith("unix:") else f"http://{address}"
    if address.startswith("unix:"):
        # Removed, and made again.
        (tmp_path / "admin.sock").unlink()
        assert (await process.event("socket-made-again"))["address"] == address
    assert await command("drain", "--admin", where) == (
        0,
        "accepted: /readyz is 503 from now on, and calls are served\n",
    )
    readiness = await readyz(address)
    assert (readiness[0], readiness[1]["reason"]) == (503, "draining")
    assert (await process.call(get())).status == 200
    code, _ = await command("quit", "--admin", where)
    assert (code, await process.ended()) == (0, 0)
    done = [(event["action"], event["by"]) for event in process.events("admin-action")]
    assert done == [("drain", f"uid {os.getuid()}"), ("quit", f"uid {os.getuid()}")]
    assert (await command("quit", "--admin", where))[0] == 69


async def test_a_changed_configuration_is_judged_applied_or_refused_by_command(begin, government, tmp_path):
    """The dry run changes nothing, the reload applies, and a fault ends with 2 and what `check` would say of it."""
    process = await begin()
    await process.event("ready")
    where = ("--admin", f"http://{process.events('admin-listening')[0]['address']}")
    file = tmp_path / "gateway.toml"
    first = file.read_text()
    file.write_text(f"{first}warm = true\n".replace("[gateway]\n", '[gateway]\nlanguage = "nl"\n'))
    changed = "  changed  profiles.employer.warm\n"
    for words, applied in ((("check", "--against-running"), False), (("reload",), True)):
        code, printed = await command(*words, *where)
        assert (code, printed.endswith(changed)) == (0, True), printed
        assert printed.startswith("applied; generation 2 serves") is applied
        # The page follows without a start.
        assert await page_language(where[1]) == ("nl" if applied else "en")
    file.write_text(f"{first}warm = 7\n")
    for words in (("check", "--against-running"), ("reload",)):
        code, printed = await command(*words, *where)
        assert code == 2
        assert re.match(r"gateway\.toml:\d+: profiles\.employer\.warm: ", printed), printed
    _, printed = await command("reload", *where)
    _, checked = await command("check", "--config", str(file))
    assert printed.splitlines()[0] in checked.splitlines()
    assert (await process.call(get())).status == 200


async def page_language(origin):
    """Name the language of the status page."""
    async with aiohttp.ClientSession() as session, session.get(origin) as answer:
        return answer.headers["Content-Language"]


async def readyz(address):
    """Ask for the readiness; give status and body."""
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    else:
        host = "::1" if address.startswith("[") else "127.0.0.1"
        reader, writer = await asyncio.open_connection(host, int(address.rpartition(":")[2]))
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split(b" ")[1]), json.loads(body)


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
async def test_another_user_neither_drains_nor_ends_a_gateway(begin):
    """403, and it serves on."""
    process = await begin()
    await process.event("ready")
    port = int(process.events("admin-listening")[0]["address"].rpartition(":")[2])
    script = (
        "import encodings.idna, os, socket, sys\n"
        "os.setgroups([]), os.setgid(12345), os.setuid(12345)\n"
        "for path in ('/-/drain', '/-/quit', '/-/reload'):\n"
        f"    with socket.create_connection(('127.0.0.1', {port})) as sock:\n"
        "        sock.sendall(f'POST {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n'.encode())\n"
        "        print(sock.recv(4096).split(b' ')[1].decode())\n"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(8 * PATIENCE):
        out, _ = await other.communicate()
    assert out.split() == [b"403"] * 3
    assert (await process.admin("/readyz")).status == 200
    assert (await process.event("admin-action-refused"))["uid"] == 12_345
