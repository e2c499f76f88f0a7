"""Request lines, through real pipes."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest

from fla_gateway.access.authentication.caller import UNAUTHENTICATED, Admission
from fla_gateway.observe.logs.access_log import FULL_BATCH, MOST_REJECTIONS, AccessLog
from fla_gateway.observe.logs.event_log import loss_notice
from fla_gateway.observe.logs.journal_priority import NO_PREFIXES
from fla_gateway.observe.logs.line_writer import MOST_BYTES, LineWriter
from tests.observe.records import a_record

KEY = bytes(32)
NOON = 1_782_907_200.25  # 2026-07-01T12:00:00.250Z


@pytest.fixture
def pipe():
    """Open a pipe; both ends are closed afterwards."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "wb", buffering=0) as writer:
        yield reader, writer


@pytest.fixture
def make_log():
    """Make request logs on the running loop; what writes is closed afterwards."""
    writers = []

    def make(writer, form="json", wall=lambda: NOON, most_bytes=MOST_BYTES, later=None, prefixes=NO_PREFIXES):
        lines = LineWriter(
            writer.fileno(), writer.fileno(), most_bytes=most_bytes, event_bytes=0,
            request_notice=loss_notice("request-lines-dropped", "json", wall),
        )  # fmt: skip
        lines.start()
        writers.append(lines)
        return AccessLog(lines, form, KEY, wall, later or asyncio.get_running_loop().call_later, prefixes)

    yield make
    for lines in writers:
        lines.close(10)


def end(log):
    """Close a log and what writes for it."""
    log.close()
    log._writer.close(10)


async def read_lines(reader, count):
    """Read that many lines without keeping the loop from turning."""

    def read():
        text = b""
        while text.count(b"\n") < count:
            text += reader.read(65_536)
        return text.decode("ascii").splitlines()

    return await asyncio.to_thread(read)


async def test_line_has_every_field(pipe, make_log):
    """A request line in JSON tells who asked what, what came of it, and how long it took."""
    reader, writer = pipe
    log = make_log(writer)
    admission = Admission("payroll", "key:12345678", "GET /REST/**")
    log.exchange(a_record(path=b"/REST/dimona/v2/declarations/85073003328?x=1", received=7, admission=admission))
    (line,) = await read_lines(reader, 1)
    fields = json.loads(line)
    assert fields.pop("path").startswith("/REST/dimona/v2/declarations/~")
    assert fields == {
        "time": "2026-07-01T12:00:00.250Z",
        "level": "info",
        "event": "request",
        "id": "0b0e2a3c-7d5c-4a0e-9b1d-3f9a7c1d2e4f",
        "profile": "employer",
        "caller": "payroll",
        "method": "GET",
        "status": 200,
        "origin": "upstream",
        "code": "",
        "outcome": "answered",
        "received": 7,
        "sent": 1024,
        "ms": 12.3,
        "attempts": 1,
    }
    log.close()


async def test_console_line(pipe, make_log):
    """On a terminal the same fields come as words."""
    reader, writer = pipe
    log = make_log(writer, form="console")
    log.exchange(a_record())
    (line,) = await read_lines(reader, 1)
    assert line == (
        "2026-07-01T12:00:00.250Z info    request id=0b0e2a3c-7d5c-4a0e-9b1d-3f9a7c1d2e4f profile=employer caller= "
        "method=GET path=/REST/dimona/v2/declarations status=200 origin=upstream code= outcome=answered received=0 "
        "sent=1024 ms=12.3 attempts=1"
    )
    log.close()


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "info"),
        ({"status": 403, "origin": "gateway", "code": "caller-not-permitted", "outcome": "refused"}, "info"),
        ({"status": 500}, "info"),
        ({"status": 502, "origin": "network", "code": "api-unreachable", "outcome": "not-sent"}, "warning"),
        ({"status": 503, "origin": "token-server", "code": "token-refused", "outcome": "not-sent"}, "warning"),
        ({"code": "api-closed", "outcome": "truncated"}, "warning"),
    ],
)
async def test_failures_of_network_and_token_server_are_warnings(pipe, make_log, changes, level):
    """A filter on the level finds the calls that failed on the way, and only these."""
    reader, writer = pipe
    log = make_log(writer)
    log.exchange(a_record(**changes))
    (line,) = await read_lines(reader, 1)
    assert json.loads(line)["level"] == level
    log.close()


async def test_lines_for_the_journal_carry_their_priority(pipe, make_log):
    """Where standard output leads to the journal of systemd, it learns the level of each line."""
    reader, writer = pipe
    log = make_log(writer, prefixes={"info": "<6>", "warning": "<4>"})
    log.exchange(a_record())
    log.exchange(a_record(origin="network", code="api-closed", outcome="unknown", status=502))
    lines = await read_lines(reader, 2)
    assert [line.partition("{")[0] for line in lines] == ["<6>", "<4>"]
    log.close()


async def test_hostile_method_and_path_cannot_break_a_line(pipe, make_log):
    """What a caller writes never gets into a line as he wrote it."""
    reader, writer = pipe
    log = make_log(writer)
    log.exchange(a_record(method=b'G"ET\n', path=b'/a"b\\\n{}/\xff'))
    log.exchange(a_record(method=b"", path=b""))
    first, second = [json.loads(line) for line in await read_lines(reader, 2)]
    assert first["method"] == second["method"] == "OTHER"
    assert second["path"] == ""
    log.close()


async def test_each_line_has_the_time_of_its_own_exchange(pipe, make_log):
    """Lines are written together but each carries its own millisecond, also across a second."""
    reader, writer = pipe
    moments = iter([NOON, NOON + 0.0015, NOON + 0.75, NOON + 3600])
    log = make_log(writer, wall=lambda: next(moments))
    for _ in range(4):
        log.exchange(a_record())
    times = [json.loads(line)["time"] for line in await read_lines(reader, 4)]
    assert [time[11:] for time in times] == ["12:00:00.250Z", "12:00:00.251Z", "12:00:01.000Z", "13:00:00.250Z"]
    log.close()


async def test_lines_go_together_by_a_timer(pipe, make_log):
    """Nothing is written within the call; one timer serves every line of the batch."""
    _, writer = pipe
    timers = []

    def later(delay, callback):
        timers.append((delay, callback))
        return asyncio.get_running_loop().call_later(3600, callback)

    log = make_log(writer, later=later)
    for _ in range(10):
        log.exchange(a_record())
    assert [delay for delay, _ in timers] == [0.05]
    log.close()


async def test_close_writes_what_waits(pipe, make_log):
    """The last lines are not lost when the gateway stops."""
    reader, writer = pipe
    log = make_log(writer)
    for _ in range(3):
        log.exchange(a_record())
    end(log)
    assert len(reader.read(65_536).splitlines()) == 3


async def test_stalled_reader_never_blocks_and_the_loss_is_told(pipe, make_log):
    """While nobody reads, the loop goes on and lines are dropped and counted; then a line says how many."""
    reader, writer = pipe
    log = make_log(writer, most_bytes=1 << 20)
    count = 20 * FULL_BATCH
    for _ in range(count):
        log.exchange(a_record())
    lost = log._writer.dropped_requests
    assert 0 < lost < count
    events = [json.loads(line) for line in await read_lines(reader, count - lost + 1)]
    assert sum(event["event"] == "request" for event in events) == count - lost
    assert [event["count"] for event in events if event["event"] == "request-lines-dropped"] == [lost]
    end(log)


async def test_a_flood_of_strangers_does_not_fill_the_log(pipe, make_log):
    """Their lines end at a number a minute; one line tells how many there were, and callers lose none."""
    reader, writer = pipe
    clock = [NOON]
    log = make_log(writer, wall=lambda: clock[0])
    for _ in range(MOST_REJECTIONS + 50):
        log.exchange(a_record(admission=UNAUTHENTICATED, profile="", outcome="refused", status=401))
    log.exchange(a_record(profile="callers"))
    lines = await read_lines(reader, MOST_REJECTIONS + 1)
    clock[0] += 60
    log.exchange(a_record(admission=UNAUTHENTICATED, profile="", outcome="refused", status=401))
    lines += await read_lines(reader, 2)
    events = [json.loads(line) for line in lines]
    assert [event["count"] for event in events if event["event"] == "strangers-left-out"] == [50]
    assert [event["profile"] for event in events if event["event"] == "request"].count("callers") == 1
    assert sum(event["event"] == "request" for event in events) == MOST_REJECTIONS + 2
    log.close()


async def test_reader_that_is_gone_is_no_error(pipe, make_log):
    """A closed pipe loses lines, counted, and nothing else."""
    reader, writer = pipe
    reader.close()
    log = make_log(writer)
    log.exchange(a_record())
    end(log)
    assert log._writer.dropped_requests == 1


async def test_non_blocking_output_is_waited_for(pipe, make_log):
    """A terminal that another program made non-blocking loses nothing."""
    reader, writer = pipe
    os.set_blocking(writer.fileno(), False)
    log = make_log(writer)
    for _ in range(2000):
        log.exchange(a_record())
    lines = await read_lines(reader, 2000)
    assert len(lines) == 2000
    end(log)
    assert log._writer.dropped_requests == 0


async def test_many_different_paths_do_not_pile_up(pipe, make_log):
    """The memory for masked paths is bounded."""
    reader, writer = pipe
    log = make_log(writer)
    for number in range(5000):
        log.exchange(a_record(path=b"/REST/%d" % number))
    await read_lines(reader, 5000)
    end(log)
    assert len(log._described) <= 1024


async def test_document_lists_every_field(pipe, make_log):
    """docs/logs.md explains each field of a request line, in the line's order."""
    reader, writer = pipe
    log = make_log(writer)
    log.exchange(a_record())
    (line,) = await read_lines(reader, 1)
    log.close()
    document = (Path(__file__).parents[3] / "docs" / "logs.md").read_text(encoding="utf-8")
    rows = document.partition("| field | meaning |")[2].partition("\n\n")[0].splitlines()[2:]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])] == list(json.loads(line))
