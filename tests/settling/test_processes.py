"""Doubts are settled while a gateway runs, is killed, reloads and rotates; the journal verifies after all of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

from tests.support.forked_process import fork_gateway
from tests.support.journal_writer import chained_lines, of_kind
from tests.support.raw_http import ok, post
from tests.support.waiting import PATIENCE, eventually

FAILED = ok(b"", status="503 Service Unavailable")


@pytest.fixture
def audit(tmp_path):
    """Run an audit command beside the gateway; give exit code, and what it printed."""

    async def run(command, *words):
        process = await fork_gateway("audit", command, "--config", str(tmp_path / "gateway.toml"), *words)
        async with asyncio.timeout(PATIENCE):
            out, err = await process.stdout.read(), await process.stderr.read()
            return await process.wait(), (out + err).decode()

    return run


@pytest.fixture
async def start(begin, tmp_path):
    """Start a gateway with a journal."""

    async def started(more=""):
        journal = f'[audit]\npath = "journal"\n{more}'
        process = await begin(admin=f"unix:{tmp_path}/admin.sock", more=journal)
        await process.event("ready")
        return process

    return started


def settled(tmp_path):
    """Give the settlements of the journal, whose chain holds."""
    return [(it["id"], it["as"], it.get("by"), it.get("uid")) for it in of_kind(tmp_path / "journal", "settled")]


async def shown(tmp_path, path):
    """Ask the admin listener for something that it shows."""
    reader, writer = await asyncio.open_unix_connection(tmp_path / "admin.sock")
    writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()


async def doubt(process, government):
    """Make a call in doubt; give its id."""
    government.api = lambda _: FAILED
    before = len(process.events("call-in-doubt"))
    assert (await process.call(post(b"declaration"))).status == 503
    return (await process.event("call-in-doubt", before + 1))["request_id"]


async def test_a_running_request_is_not_settled_and_one_in_doubt_is(start, government, audit, tmp_path):
    """Neither is an answered one, nor one that never was; the gateway's own user is proven, whatever name is given."""
    process = await start()
    known = await doubt(process, government)
    government.api = lambda _: ok(b"{}", status="201 Created")
    government.gate.clear()
    caller = await process.caller()
    await caller.send(post(b"another"))
    await eventually(lambda: len(of_kind(tmp_path / "journal", "intent")) == 2)
    running = of_kind(tmp_path / "journal", "intent")[1]["id"]
    code, said = await audit("settle", running, known, "--as", "done")
    assert (code, "still runs" in said, settled(tmp_path)) == (1, True, [])
    assert f"audit settle {known} --as done" in await shown(tmp_path, "/")
    assert json.loads(await shown(tmp_path, "/status"))["doubts"]["number"] == 1
    assert "fla_gateway_journal_in_doubt 1.0" in await shown(tmp_path, "/metrics")
    code, said = await audit("settle", known, "--as", "done", "--by", "root")
    assert (code, said.splitlines()[0]) == (0, "settled as done: 1")
    assert settled(tmp_path) == [(known, "done", "root", os.getuid())]
    assert (await process.event("doubts-settled"))["requests"] == [known]
    # What is shown is made once a second at most.
    async with asyncio.timeout(PATIENCE):
        while json.loads(await shown(tmp_path, "/status"))["doubts"]["number"]:  # noqa: ASYNC110 - a scrape
            await asyncio.sleep(0.05)
        while "fla_gateway_journal_in_doubt 0.0" not in await shown(tmp_path, "/metrics"):  # noqa: ASYNC110 - a scrape
            await asyncio.sleep(0.05)
    government.gate.set()
    assert (await caller.answer()).status == 201
    caller.close()
    code, said = await audit("settle", running, "--as", "not-done")
    assert (code, "not in doubt" in said) == (1, True)
    code, said = await audit("settle", "00000000-0000-0000-0000-000000000000", "--as", "done")
    assert (code, "is not in the journal" in said) == (1, True)
    assert [(await audit(*words))[0] for words in (("show", "--in-doubt"), ("verify",))] == [0, 0]


async def test_settlements_survive_a_kill_and_are_written_while_no_gateway_runs(start, government, audit, tmp_path):
    """What the kill left in doubt is settled beside it; a gateway that starts afterwards goes on in the same chain."""
    process = await start()
    before = await doubt(process, government)
    assert (await audit("settle", before, "--as", "done"))[0] == 0
    government.gate.clear()
    caller = await process.caller()
    await caller.send(post(b"another"))
    await eventually(lambda: len(of_kind(tmp_path / "journal", "intent")) == 2)
    process.signal(signal.SIGKILL)
    await process.ended()
    caller.close()
    left = of_kind(tmp_path / "journal", "intent")[1]["id"]
    assert (await audit("show", "--in-doubt"))[0] == 1
    assert (await audit("settle", left, before, "--as", "not-done"))[0] == 0
    assert settled(tmp_path)[1:] == [(it, "not-done", None, os.getuid()) for it in (left, before)]
    government.gate.set()
    process = await start()
    event = await process.event("calls-in-doubt")
    assert (event["count"], "looked_back" in event) == (0, True)
    assert (await audit("settle", left, "--as", "sent-again"))[0] == 0
    assert [(await audit(*words))[0] for words in (("show", "--in-doubt"), ("verify",))] == [0, 0]


async def test_settling_races_rotation_reloads_and_other_commands(start, government, audit, tmp_path):
    """Small segments, a reload with each, several at once, calls beside them: nothing is lost, and the chain holds."""
    process = await start("segment_bytes = 65536\n")
    doubts = [await doubt(process, government) for _ in range(6)]
    ended = asyncio.Event()

    async def load():
        caller = await process.caller()
        while not ended.is_set():
            await caller.send(post(b"x" * 64, "Fla-Gateway-Reference: " + "y" * 64))
            await caller.answer()
        caller.close()

    beside = asyncio.create_task(load())
    for number in range(0, 6, 3):
        process.signal(signal.SIGHUP)
        found = await asyncio.gather(*(audit("settle", it, "--as", "done") for it in doubts[number : number + 3]))
        assert [code for code, _ in found] == [0, 0, 0]
    await eventually(lambda: len(list((tmp_path / "journal").glob("*.jsonl"))) > 1)
    ended.set()
    await beside
    assert sorted(it for it, *_ in settled(tmp_path)) == sorted(doubts)
    assert (await audit("verify"))[0] == 0


async def test_an_insider_who_sends_the_record_himself_is_named_by_the_kernel(start, government, tmp_path):
    """Without the command: user id and time are the gateway's, whatever the body says."""
    process = await start()
    known = await doubt(process, government)

    async def send(document):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "admin.sock")
        body = json.dumps(document).encode()
        fields = ("Host: localhost", f"Content-Length: {len(body)}", "Connection: close")
        writer.write("\r\n".join(["POST /-/audit/settle HTTP/1.1", *fields, "", ""]).encode() + body)
        answer = await reader.read()
        writer.close()
        return int(answer.split(b" ")[1])

    forged = {"ids": [known], "as": "done", "by": "auditor"}
    for more in ({"uid": 4242}, {"time": "2020-01-01T00:00:00.000Z"}, {"note": "a\nb"}, {"note": "x" * 60_000}):
        assert await send(forged | more) == 409
    assert settled(tmp_path) == []
    assert await send(forged) == 200
    assert settled(tmp_path) == [(known, "done", "auditor", os.getuid())]
    assert all(it["time"] > "2026" for it in chained_lines(tmp_path / "journal"))
