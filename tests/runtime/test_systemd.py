"""`fla-gateway run` as a service of systemd: the protocol, spoken with a socket of the test's own."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import time
from contextlib import ExitStack

import pytest

from tests.support.raw_http import get
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])
EACH_ADDRESS = pytest.mark.parametrize("manager", ["file", "abstract"], indirect=True)


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    async def message(self, first=None):
        """Wait for the next message, or the next that begins with a line; give its lines."""
        async with asyncio.timeout(PATIENCE):
            while True:
                text = (await asyncio.get_running_loop().sock_recv(self._socket, 65_536)).decode()
                if first is None or text.split("\n")[0] == first:
                    return dict(line.partition("=")[::2] for line in text.split("\n"))

    def close(self):
        """Close it."""
        self._socket.close()


@pytest.fixture
def manager(request, tmp_path):
    """Listen where systemd would: at a file, or at another kind of address that a test asks for."""
    kind = getattr(request, "param", "file")
    address = str(tmp_path / "notify") if kind == "file" else f"@fla-gateway-{secrets.token_hex(8)}"
    with ExitStack() as stack:
        manager = Manager(address)
        stack.callback(manager.close)
        yield manager


@EACH_ADDRESS
async def test_the_manager_learns_of_start_and_end(begin, manager):
    """READY when calls are answered, and at SIGTERM STOPPING with as much time as the drain may take."""
    process = await begin(gateway="drain_delay = 1\ndrain_seconds = 40", environment={"NOTIFY_SOCKET": manager.address})
    ready = await manager.message()
    assert (ready["READY"], ready["STATUS"]) == ("1", "serving: 1 of 1 profiles served")
    await process.event("ready")
    assert (await process.call(get())).status == 200
    process.signal(signal.SIGTERM)
    stopping = await manager.message()
    assert (stopping["STOPPING"], stopping["STATUS"][:9]) == ("1", "stopping:")
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) > 41_000_000
    assert await process.ended() == 0


@EACH_ADDRESS
async def test_landlock_does_not_keep_the_manager_from_learning(begin, manager):
    """The socket is connected before the process confines itself."""
    process = await begin(
        more="[security]\nlandlock = true", environment={"NOTIFY_SOCKET": manager.address}, program=True
    )
    assert (await manager.message())["READY"] == "1"
    process.signal(signal.SIGTERM)
    assert (await manager.message())["STOPPING"] == "1"
    assert await process.ended() == 0


async def silent(manager):
    """Whether no sign of life comes within five of its intervals."""
    try:
        async with asyncio.timeout(0.5):
            await manager.message("WATCHDOG=1")
    except TimeoutError:
        return True
    return False


async def test_signs_of_life_come_from_the_loop(begin, manager):
    """They come as long as it turns, and stop when it does not: a stopped process gives none."""
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "200000"}
    process = await begin(environment=environment)
    for _ in range(3):
        await manager.message("WATCHDOG=1")
    process.signal(signal.SIGSTOP)
    # What was sent before the signal is there still.
    while not await silent(manager):
        pass
    process.signal(signal.SIGCONT)
    await manager.message("WATCHDOG=1")


async def test_a_watchdog_for_another_process_is_none(begin, manager):
    """WATCHDOG_PID names the process that is watched: a wrapper, for example."""
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}
    process = await begin(environment=environment)
    await manager.message("READY=1")
    await process.event("ready")
    assert (await process.call(get())).status == 200
    process.signal(signal.SIGTERM)
    assert "STOPPING" in await manager.message()


@pytest.mark.parametrize("address", ["/nowhere/notify", "relative", ""])
async def test_without_a_manager_it_runs_as_ever(begin, address):
    """Also where the variable is left over from something else."""
    process = await begin(environment={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "soon"})
    await process.event("ready")
    assert (await process.call(get())).status == 200


@pytest.mark.parametrize("faulty", [False, True])
async def test_a_reload_is_reported_from_its_beginning_to_its_end(begin, manager, tmp_path, faulty):
    """RELOADING with the time that systemd compares, then READY, whatever came of it; the exit code says that."""
    process = await begin(environment={"NOTIFY_SOCKET": manager.address})
    await manager.message("READY=1")
    await process.event("ready")
    if faulty:
        with (tmp_path / "gateway.toml").open("a") as file:
            file.write("nonsense")
    before = time.monotonic_ns() // 1000
    process.signal(signal.SIGHUP)
    reloading = await manager.message()
    assert reloading["RELOADING"] == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    ready = await manager.message()
    assert ready["READY"] == "1"
    assert ready["STATUS"].endswith("; the last reload was refused" if faulty else "1 profiles served")
    await process.event("reload-refused" if faulty else "reloaded")


async def test_a_reload_by_the_watch_is_reported_as_any_other(begin, manager, tmp_path):
    """RELOADING comes from the reload itself, whatever has asked for it."""
    process = await begin(gateway="watch = true", environment={"NOTIFY_SOCKET": manager.address})
    await manager.message("READY=1")
    await process.event("ready")
    path = tmp_path / "gateway.toml"
    path.write_text(path.read_text().replace("watch = true", "watch = true\ndrain_seconds = 3"))
    assert (await manager.message("RELOADING=1"))["MONOTONIC_USEC"].isdecimal()
    assert (await manager.message())["READY"] == "1"
    assert (await process.event("reloaded"))["cause"] == "watch"


async def test_sigterm_during_a_reload_ends_it(begin, manager, tmp_path):
    """The reload waits for a file that never comes; the end does not wait for the reload."""
    process = await begin(environment={"NOTIFY_SOCKET": manager.address})
    await manager.message("READY=1")
    await process.event("ready")
    os.mkfifo(tmp_path / "more.toml")
    path = tmp_path / "gateway.toml"
    path.write_text(f'include = ["more.toml"]\n{path.read_text()}')
    process.signal(signal.SIGHUP)
    await manager.message("RELOADING=1")
    process.signal(signal.SIGTERM)
    assert (await manager.message("STOPPING=1"))["STATUS"].startswith("stopping")
    assert await process.ended() == 0
    assert not process.events("reload-refused")
    assert "Traceback" not in process.output
