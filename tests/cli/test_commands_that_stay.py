"""`sandbox` and `demo`, which stay up: no reader of their output stops them, and they say where they cannot write."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import resource
import signal
import ssl
import subprocess
import sys

import aiohttp
import pytest

from tests.support.forked_process import fork_gateway
from tests.support.waiting import PATIENCE

PROGRAM = [sys.executable, "-m", "fla_gateway"]
SANDBOX = ["sandbox", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"]


async def _end(process, number=signal.SIGTERM):
    process.send_signal(number)
    async with asyncio.timeout(PATIENCE):
        return await process.wait()


async def _start(words, **streams):
    return await asyncio.create_subprocess_exec(*PROGRAM, *words, **streams)


async def _read_until(reading, pattern):
    text = b""
    async with asyncio.timeout(PATIENCE):
        while (found := re.search(pattern, text)) is None:
            text += await asyncio.to_thread(os.read, reading, 65_536)
    return found[1].decode()


@pytest.mark.parametrize("reader", ["stands still", "is gone"])
async def test_a_sandbox_goes_on_without_a_reader(tmp_path, reader):
    """Its line for each exchange is written by a thread: further exchanges are answered, and SIGTERM ends it with 0."""
    reading, writing = os.pipe()
    # One page; by default it would take sixteen.
    size = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    process = await fork_gateway(*SANDBOX, "--directory", str(tmp_path), stdout=writing)
    os.close(writing)
    try:
        api = await _read_until(reading, rb"APIs +(https://\S+)/REST")
        if reader == "is gone":
            os.close(reading)
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=tmp_path / "ca.pem"))
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession(connector=connector) as session:
            # Each has a line of some 60 bytes: many times what the pipe takes.
            for _ in range(4 * size // 60):
                async with session.get(f"{api}/REST/nowhere") as response:
                    assert response.status in (401, 404)
        assert await _end(process) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if reader != "is gone":
            os.close(reading)


async def test_a_demo_whose_output_is_not_read_can_be_ended(tmp_path):
    """The pipe is full from the start; SIGTERM is heeded, and nothing is left behind."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writing, True)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = await _start(["demo"], stdout=writing, env=environment)
    os.close(writing)
    try:
        async with asyncio.timeout(PATIENCE):
            while not any(tmp_path.glob("*/gateway.log")):  # noqa: ASYNC110 - a file of another process
                await asyncio.sleep(0.05)
        assert await _end(process) == 0
    finally:
        os.close(reading)
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["demo", "--once"], SANDBOX], ids=["demo", "sandbox"])
def test_without_a_temporary_directory_it_says_so(words):
    """Exit code 2 and what to do: containers are hardened by a read-only root without a /tmp."""

    def forbid_files():
        # Root may write anywhere; a limit on the size of files forbids it to everybody.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    ended = subprocess.run(
        [sys.executable, "-B", "-m", "fla_gateway", *words],
        capture_output=True, preexec_fn=forbid_files, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert "temporary directory" in line
    assert "TMPDIR" in line
