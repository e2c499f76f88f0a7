"""What a reload makes of log, traces and journal: they follow, as all that outlives a generation."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from fla_gateway.errors import ReloadRefusedError
from fla_gateway.observe.logs.line_writer import LineWriter
from tests.observe.collectors import attributes, collecting
from tests.runtime.test_reload import CONFIGURATION, government, write_key  # noqa: F401 - a fixture
from tests.support.raw_http import get
from tests.support.reloading import reloading
from tests.support.waiting import PATIENCE, eventually


@pytest.fixture
async def start(tmp_path, ca_file, government):  # noqa: F811 - the fixture
    """Start gateways whose request lines go to a file."""
    async with AsyncExitStack() as stack:

        async def begin(more=""):
            for name in ("acme", "other"):
                write_key(tmp_path, name)
            file = stack.enter_context((tmp_path / "lines").open("wb"))
            output = LineWriter(file.fileno(), file.fileno())
            stack.callback(output.close, PATIENCE)
            output.start()
            path = tmp_path / "gateway.toml"
            path.write_text(CONFIGURATION.format(port=government.port, ca_file=ca_file, more=more))
            return await stack.enter_async_context(reloading(path, output=output))

        yield begin


async def test_request_lines_come_and_go_and_change_their_form(start, tmp_path):
    """Each call is written as the configuration says that was in force when it ended."""
    running = await start()
    tables = (
        'requests = true\nformat = "json"',
        'requests = true\nformat = "console"',
        "requests = false",
        "requests = true",
    )
    for number, log in enumerate(tables):
        former = running.path.read_text().partition("[log]\n")[2].partition("[environments")[0]
        await running.change(f"[log]\n{former}", f"[log]\n{log}\n")
        assert (await running.call(get(f"/employer/REST/v{number}"))).status == 200
    await eventually(lambda: "/REST/v3" in (tmp_path / "lines").read_text())
    lines = (tmp_path / "lines").read_text().splitlines()
    assert [json.loads(lines[0])["path"], lines[1].split(" request ")[1].split()[4]] == ["/REST/v0", "path=/REST/v1"]
    assert [json.loads(it)["path"] for it in lines[2:]] == ["/REST/v3"]


async def test_traces_begin_move_and_end(start):
    """Another collector gets what ends from then on, with the addresses of the profiles of then."""
    running = await start()
    async with collecting() as first, collecting() as second:
        await running.change("[log]", f'[tracing]\nendpoint = "{first.endpoint}"\n[log]')
        assert (await running.call(get())).status == 200
        await first.arrived.wait()
        text = running.path.read_text()
        running.path.write_text(
            text.replace(first.endpoint, second.endpoint).replace("profiles.employer", "profiles.hr")
        )
        await running.reload()
        assert (await running.call(get("/hr/REST/x"))).status == 200
        await second.arrived.wait()
        assert {attributes(it).get("fla_gateway.profile") for it in first.spans} == {"employer", None}
        assert [attributes(it)["server.address"] for it in second.spans if it.kind == 3] == ["localhost"]
        await running.change(f'[tracing]\nendpoint = "{second.endpoint}"\n', "")
        before = len(second.spans)
        assert (await running.call(get("/hr/REST/x"))).status == 200
        assert running.observation.tracing is not None
        await asyncio.to_thread(running.observation.tracing.close)
        assert len(second.spans) == before


async def test_traces_without_a_change_keep_their_connection(start):
    """A reload about something else opens nothing."""
    async with collecting() as collected:
        running = await start(f'[tracing]\nendpoint = "{collected.endpoint}"')
        tracing = running.observation.tracing
        assert tracing is not None
        collector = tracing._collector
        await running.change("[gateway]\n", "[gateway]\ndrain_seconds = 3\n")
        assert running.observation.tracing is tracing
        assert tracing._collector is collector


async def test_the_journal_follows_its_settings(start, tmp_path):
    """In the same directory and chain; another directory needs a restart."""
    running = await start('[audit]\npath = "journal"\n')
    journal = running.observation.journal
    await running.change(
        'path = "journal"', 'path = "journal"\nfsync = "always"\nretention_days = 7\nsegment_bytes = 65536'
    )
    assert running.observation.journal is journal
    await eventually(lambda: journal.snapshot().syncs)
    running.rewrite('path = "journal"', 'path = "other"')
    with pytest.raises(ReloadRefusedError) as caught:
        await running.reload()
    assert [it.place for it in caught.value.faults] == ["audit.path"]


async def test_a_caller_that_is_watched_from_now_on_is_reported(start):
    """The observer of policies that only observe is added when a configuration has one, and goes with the last."""
    running = await start()
    calls = len(running.observation.fan_out._calls)
    caller = '[callers.hr]\nuid = 7\nobserve_until = 2099-01-01\nallow.employer = ["GET /REST/x"]\n'
    await running.change("[log]", f"{caller}[log]")
    await running.reload()
    assert len(running.observation.fan_out._calls) == calls + 1
    await running.change(caller, "")
    assert len(running.observation.fan_out._calls) == calls
