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

import pytest

from tests.support.keys import write_identity
from tests.support.process import Government, ask
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


@pytest.fixture
async def government(api_tls):
    """Start token server and API."""
    government = Government(api_tls)
    await government.start()
    yield government
    await government.close()


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


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
    """Start gateways with given streams, through a shell if it is to change them."""
    write_identity(tmp_path)

    @asynccontextmanager
    async def start(redirection="", **streams):
        port, admin = _free_port(), _free_port()
        path = tmp_path / "gateway.toml"
        path.write_text(CONFIGURATION.format(port=port, admin=admin, api=government.port, ca_file=ca_file))
        words = ["sh", "-c", f'exec "$0" -m fla_gateway run --config "$1" {redirection}', sys.executable, str(path)]
        process = await asyncio.create_subprocess_exec(*words, **streams)
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


@pytest.mark.parametrize(("kind", "signals"), [("pipe", 1), ("pipe", 2), ("socket", 1), ("terminal", 1)])
async def test_a_reader_that_stands_still_stops_nothing(begin, government, stalled, kind, signals):
    """Calls and probes are answered although every event and request line waits; one signal ends it, as does a second.

    The second one comes while a call is still under way, which the first one waits for.
    """
    stream = stalled(kind)
    async with begin(stdout=stream, stderr=stream) as gateway:
        await gateway.flood(50)
        gateway.process.send_signal(signal.SIGHUP)
        assert (await gateway.status(), await gateway.probe()) == (200, 200)
        if signals == 1:
            gateway.process.send_signal(signal.SIGTERM)
            assert await gateway.ended() == 0
            return
        async with gateway.running(government):
            gateway.process.send_signal(signal.SIGTERM)
            await eventually(lambda: not _listens(gateway._port))
            gateway.process.send_signal(signal.SIGTERM)
            assert await gateway.ended() == 1


@pytest.mark.parametrize(
    "redirection",
    [">&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", "1</dev/null 2</dev/null"],
)
async def test_streams_that_take_nothing_are_no_reason_not_to_serve(begin, redirection):
    """Closed, full or read-only: it serves, no socket gets a standard descriptor, and the end is an ordinary one."""
    out, err = asyncio.subprocess.DEVNULL, asyncio.subprocess.DEVNULL
    async with begin(redirection, stdout=out, stderr=err) as gateway:
        assert [await gateway.status() for _ in range(3)] == [200] * 3
        for number in range(3):
            assert gateway.target(number).startswith("/dev/")
        if "/dev/full" in redirection:
            name = "events" if redirection == "2>/dev/full" else "request_lines"
            async with asyncio.timeout(PATIENCE):
                while not await gateway.metric(f"fla_gateway_{name}_dropped_total"):  # noqa: ASYNC110 - a scrape
                    await asyncio.sleep(0.05)
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.ended() == 0


async def test_a_reader_that_is_gone_is_no_reason_to_end(begin):
    """`fla-gateway run 2>&1 | head`: the pipe breaks, and the gateway goes on."""
    reading, writing = os.pipe()
    async with begin(stdout=writing, stderr=writing) as gateway:
        os.close(writing)
        os.close(reading)
        gateway.process.send_signal(signal.SIGHUP)
        await gateway.flood(3)
        assert await gateway.probe() == 200
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.ended() == 0
