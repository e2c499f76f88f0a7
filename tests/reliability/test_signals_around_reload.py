"""Reloads that are asked for while the gateway's process starts, ends, or reloads already."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.gateway_process import begin, government  # noqa: F401 - fixtures
from tests.support.raw_http import get
from tests.support.stage import api_tls, authority, ca_file  # noqa: F401 - fixtures
from tests.support.waiting import eventually

CALL = get("/employer/REST/x")


@pytest.fixture
def start(begin):  # noqa: F811 - the fixture
    """Start gateways that listen on one port each."""

    async def start_one(**options):
        return await begin(listen='["127.0.0.1:0"]', **options)

    return start_one


async def test_sighup_at_any_moment_of_the_start_ends_nothing(start):
    """Again and again from the first moment at which the program could catch it: the gateway becomes ready."""
    process = await start(program=True)
    await eventually(lambda: _catches(process.pid, signal.SIGHUP))
    while not process.events("ready"):
        process.signal(signal.SIGHUP)
        await asyncio.sleep(0.02)
    assert (await process.call(CALL)).status == 200
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0


def _catches(pid, number):
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (number - 1) & 1


async def test_ctrl_c_during_the_start_shows_no_trace(start):
    """Nothing is served yet: it ends at once, with the code of an interrupt."""
    process = await start(program=True)
    await eventually(lambda: _catches(process.pid, signal.SIGHUP))
    process.signal(signal.SIGINT)
    assert await process.ended() == 130
    assert "Traceback" not in process.output


async def test_no_signal_changes_the_end(start):
    """Again and again until there is no process: the exit code says what the end came to, and not the signal."""
    process = await start()
    await process.event("ready")
    process.signal(signal.SIGTERM)
    await process.event("stopping")
    ended = asyncio.ensure_future(process.ended())
    while not ended.done():
        process.signal(signal.SIGHUP)
        process.signal(signal.SIGUSR1)
        await asyncio.sleep(0.001)
    assert await ended == 0


async def test_signals_of_other_servers_end_nothing(start):
    """Other servers open their logs at them: sent out of habit they are logged, and no call is cut off."""
    process = await start()
    await process.event("ready")
    process.signal(signal.SIGUSR1)
    process.signal(signal.SIGUSR2)
    await process.event("signal", 2)
    assert (await process.call(CALL)).status == 200
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert {it["signal"] for it in process.events("signal") if "warning" in it} == {"SIGUSR1", "SIGUSR2"}


async def test_sigterm_during_a_reload_ends_in_peace(start):
    """Whatever the reload has come to: exit code 0, and no trace of an error."""
    for _ in range(2):
        process = await start()
        await process.event("ready")
        process.signal(signal.SIGHUP)
        await process.event("signal")
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
        assert "Traceback" not in process.output
        assert process.events("loop-fault") == []


async def test_nothing_is_reloaded_while_the_gateway_ends(start, government, tmp_path):  # noqa: F811 - the fixture
    """What runs is finished under the configuration that it began with; SIGHUP is noted, and no second SIGTERM."""
    process = await start()
    await process.event("ready")
    government.gate.clear()
    caller = await process.caller()
    await caller.send(CALL)
    await eventually(lambda: government.calls)
    process.signal(signal.SIGTERM)
    await process.event("stopping")
    (tmp_path / "gateway.toml").write_text("nothing that could be served", encoding="utf-8")
    process.signal(signal.SIGHUP)
    await process.event("signal", 2)
    government.gate.set()
    assert (await caller.answer()).status == 200
    caller.close()
    assert await process.ended() == 0
    assert process.events("reloaded") == process.events("reload-refused") == []


async def test_a_flood_of_sighup_ends_in_what_is_on_the_disk_at_the_last_one(start, tmp_path):
    """A thousand signals: calls are served meanwhile, and what was written before the last of them is applied."""
    process = await start(gateway="drain_seconds = 25")
    await process.event("ready")
    path = tmp_path / "gateway.toml"
    text = path.read_text(encoding="utf-8")
    for number in range(1, 21):
        path.write_text(text.replace("drain_seconds = 25", f"drain_seconds = {number}"), encoding="utf-8")
        for _ in range(50):
            process.signal(signal.SIGHUP)
        assert (await process.call(CALL)).status == 200
    await eventually(lambda: process.events("reloaded"))
    process.signal(signal.SIGHUP)
    await eventually(lambda: process.events("signal")[-1]["time"] < process.events("reloaded")[-1]["time"])
    process.signal(signal.SIGTERM)
    assert (await process.event("stopping"))["drain_seconds"] == 20
    assert await process.ended() == 0
    assert len(process.events("reloaded")) < len(process.events("signal"))
