"""`fla-gateway run` whose output is not read, cannot be written, or is closed: it serves, answers probes, and ends."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.addresses import free_port
from tests.support.forked_process import fork_gateway
from tests.support.keys import write_identity
from tests.support.process import ask
from tests.support.raw_caller import connect
from tests.support.raw_http import get, post
from tests.support.waiting import PATIENCE, eventually

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:{port}"]
[admin]
listen = "127.0.0.1:{admin}"
[environments.stub]
api_base = "https://localhost:{api}"
token_url = "https://localhost:{api}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
"""
LONG = "x" * 300


class Silent:
    """A gateway of which nothing is read: its ports are known beforehand."""

    def __init__(self, process, port, admin):
        self.process, self._port, self._admin = process, port, admin

    async def status(self):
        """Make one call."""
        caller = await connect(self._port)
        await caller.send(get())
        answer = await caller.answer()
        caller.close()
        return answer.status

    async def probe(self):
        """Ask whether it is alive."""
        return (await ask(self._admin, "/livez")).status

    async def metric(self, name):
        """Read one number."""
        lines = (await ask(self._admin, "/metrics")).body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    async def flood(self, calls):
        """Make calls over one connection, each with a long request line."""
        caller = await connect(self._port)
        for _ in range(calls):
            await caller.send(get(f"/employer/REST/{LONG}"))
            assert (await caller.answer()).status == 200
        caller.close()

    @asynccontextmanager
    async def running(self, government):
        """Have a call under way that the API does not answer."""
        government.gate.clear()
        caller = await connect(self._port)
        try:
            await caller.send(post(b"declaration"))
            await eventually(lambda: any(call.method == b"POST" for call in government.calls))
            yield
        finally:
            caller.close()

    def target(self, number):
        """Name what one of its descriptors is."""
        return str(Path(f"/proc/{self.process.pid}/fd/{number}").readlink())

    async def ended(self):
        """Wait for the end."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@pytest.fixture
def begin(tmp_path, ca_file, government):
    """Start gateways with given streams, as programs where the start itself looks at them; a shell may change them."""
    write_identity(tmp_path)

    @asynccontextmanager
    async def start(redirection="", *, program=True, **streams):
        port, admin = free_port(), free_port()
        path = tmp_path / f"{port}.toml"
        path.write_text(CONFIGURATION.format(port=port, admin=admin, api=government.port, ca_file=ca_file))
        shell = ["sh", "-c", f'exec "$0" -m fla_gateway run --config "$1" {redirection}', sys.executable, str(path)]
        process: Any
        if program:
            process = await asyncio.create_subprocess_exec(*shell, **streams)
        else:
            process = await fork_gateway("run", "--config", str(path), **streams)
        gateway = Silent(process, port, admin)
        try:
            async with asyncio.timeout(PATIENCE):
                while process.returncode is None and not (_listens(admin) and _listens(port)):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            yield gateway
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return start


def _listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def stalled():
    """Make a stream of a kind that is full already and is not read."""
    opened = []

    def make(kind):
        if kind == "pipe":
            ours, theirs = os.pipe()
        elif kind == "socket":
            ours, theirs = (end.detach() for end in socket.socketpair())
        else:
            ours, theirs = pty.openpty()
        opened.extend([ours, theirs])
        os.set_blocking(theirs, False)
        try:
            while os.write(theirs, b"x" * 512):
                pass
        except BlockingIOError:
            os.set_blocking(theirs, True)
        return theirs

    yield make
    for descriptor in opened:
        os.close(descriptor)


async def test_a_reader_that_stands_still_stops_nothing(begin, stalled):
    """Calls and probes are answered although every event and request line waits; one signal ends it."""

    async def serve(kind):
        stream = stalled(kind)
        # What a terminal is asked, it is asked at the start.
        async with begin(program=kind == "terminal", stdout=stream, stderr=stream) as gateway:
            await gateway.flood(50)
            gateway.process.send_signal(signal.SIGHUP)
            assert (await gateway.status(), await gateway.probe()) == (200, 200)
            gateway.process.send_signal(signal.SIGTERM)
            assert await gateway.ended() == 0

    # At the same time: each waits for its reader at its end.
    await asyncio.gather(*map(serve, ("pipe", "socket", "terminal")))


async def test_a_second_signal_ends_it_whatever_is_not_read(begin, government, stalled):
    """It comes while a call is still under way, which the first one waits for."""
    stream = stalled("pipe")
    async with begin(program=False, stdout=stream, stderr=stream) as gateway:
        await gateway.flood(50)
        async with gateway.running(government):
            gateway.process.send_signal(signal.SIGTERM)
            await eventually(lambda: not _listens(gateway._port))
            gateway.process.send_signal(signal.SIGTERM)
            assert await gateway.ended() == 1


@pytest.fixture
def device():
    """Open devices."""
    opened = []

    def find(path, flags):
        opened.append(os.open(path, flags))
        return opened[-1]

    yield find
    for descriptor in opened:
        os.close(descriptor)


NULL = asyncio.subprocess.DEVNULL


@pytest.mark.parametrize("redirection", [">&-", "<&- >&- 2>&-"])
async def test_closed_streams_are_no_reason_not_to_serve(begin, redirection):
    """It serves, no socket gets a standard descriptor, and the end is an ordinary one."""
    async with begin(redirection, stdout=NULL, stderr=NULL) as gateway:
        await _is_ordinary(gateway)


@pytest.mark.parametrize(
    ("full", "name"), [("stdout", "request_lines"), ("stderr", "events")], ids=["output", "errors"]
)
async def test_streams_that_are_full_are_no_reason_not_to_serve(begin, device, full, name):
    """What cannot be written is counted."""
    nowhere = device(os.devnull, os.O_WRONLY)
    streams = {"stdout": nowhere, "stderr": nowhere, full: device("/dev/full", os.O_WRONLY)}
    async with begin(program=False, **streams) as gateway:
        await gateway.status()
        async with asyncio.timeout(PATIENCE):
            while not await gateway.metric(f"fla_gateway_{name}_dropped_total"):  # noqa: ASYNC110 - a scrape
                await asyncio.sleep(0.05)
        await _is_ordinary(gateway)


async def test_streams_that_can_only_be_read_are_no_reason_not_to_serve(begin, device):
    """As where they are closed."""
    stream = device(os.devnull, os.O_RDONLY)
    async with begin(program=False, stdout=stream, stderr=stream) as gateway:
        await _is_ordinary(gateway)


async def _is_ordinary(gateway):
    assert [await gateway.status() for _ in range(3)] == [200] * 3
    for number in range(3):
        assert gateway.target(number).startswith("/dev/")
    gateway.process.send_signal(signal.SIGTERM)
    assert await gateway.ended() == 0


async def test_a_reader_that_is_gone_is_no_reason_to_end(begin):
    """`fla-gateway run 2>&1 | head`: the pipe breaks, and the gateway goes on."""
    reading, writing = os.pipe()
    async with begin(program=False, stdout=writing, stderr=writing) as gateway:
        os.close(writing)
        os.close(reading)
        gateway.process.send_signal(signal.SIGHUP)
        await gateway.flood(3)
        assert await gateway.probe() == 200
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.ended() == 0
