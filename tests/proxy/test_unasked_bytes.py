"""What the API sends without having been asked: never an answer to the next request, whenever it is read."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from tests.support.raw_http import OK, get, post
from tests.support.waiting import eventually

TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
REQUESTS = {"get": get(), "post": post(b"{}"), "delete": get(method="DELETE")}


@pytest.fixture(params=VERSIONS)
async def rig(request, start, authority, tmp_path):
    """Start a gateway whose API speaks one version of TLS."""
    tls = authority.server_context(tmp_path)
    tls.minimum_version = tls.maximum_version = VERSIONS[request.param]
    return await start(api_tls=tls)


async def idle_connection(rig):
    """Leave one connection in the pool, and give the API's end of it."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(OK)
    await caller.answer()
    await eventually(lambda: rig.pool.idle == 1)
    return caller, connection


@pytest.mark.parametrize("raw", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("unasked", [TIMED_OUT, b"0\r\n\r\n", b"x", OK], ids=["408", "last-chunk", "byte", "200"])
async def test_bytes_that_come_in_the_turn_in_which_a_connection_is_taken(rig, raw, unasked):
    """Both sockets are ready in the same turn and the caller's is read first: the request takes another connection."""
    caller, connection = await idle_connection(rig)
    caller.sock.send(raw)
    connection.writer.write(unasked)  # no turn of the loop lies between the two
    other = await rig.api.connection()
    await other.request()
    await other.send(OK)
    assert (await caller.answer()).body == b"ok"
    assert await connection.ended()
    await eventually(lambda: (rig.pool.idle, rig.pool.busy) == (1, 0))


@pytest.mark.parametrize("raw", REQUESTS.values(), ids=REQUESTS)
async def test_an_end_that_comes_in_the_turn_in_which_a_connection_is_taken(rig, raw):
    """A connection that the API closes in that very turn carries nothing."""
    caller, connection = await idle_connection(rig)
    caller.sock.send(raw)
    connection.close()
    other = await rig.api.connection()
    await other.request()
    await other.send(OK)
    assert (await caller.answer()).body == b"ok"


async def test_a_quiet_connection_is_taken_before_a_new_one_is_opened(rig):
    """Of two idle connections the one from which nothing waits to be read carries the request."""
    first, older = await idle_connection(rig)
    await first.send(get())
    await older.request()
    second = await rig.caller()
    await second.send(get())
    latest = await rig.api.connection()
    await latest.request()
    await older.send(OK)
    await first.answer()
    await eventually(lambda: rig.pool.idle == 1)
    await latest.send(OK)
    await second.answer()
    await eventually(lambda: rig.pool.idle == 2)
    second.sock.send(post(b"{}"))
    latest.writer.write(TIMED_OUT)
    await older.request()
    await older.send(OK)
    assert (await second.answer()).status == 200
    assert rig.api.opened == 2


async def test_bytes_on_a_connection_that_is_handed_to_a_waiting_request(start):
    """Between the end of one exchange and the start of the next nothing may have come."""
    rig = await start(gateway="[gateway.pool]\nconnections = 1\n")
    rig.api.by_hand()
    first, second = await rig.caller(), await rig.caller()
    await first.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await second.send(post(b"{}"))
    await eventually(lambda: rig.pool.waiting == 1)
    connection.writer.write(OK)
    connection.writer.write(TIMED_OUT)
    assert (await first.answer()).status == 200
    other = await rig.api.connection()
    await other.request()
    await other.send(OK)
    assert (await second.answer()).body == b"ok"


async def test_session_tickets_cost_no_connection(rig):
    """What TLS itself sends is no data: one connection carries all requests, of TLS 1.3 with its tickets as well."""
    caller = await rig.caller()
    for _ in range(20):
        await caller.send(post(b"{}"))
        assert (await caller.answer()).status == 200
    assert rig.api.opened == 1


async def test_late_bytes_of_an_answer_that_has_none_meet_no_declaration(rig):
    """A 204 with a coding, and the last chunk a moment later: the POST behind it is made on another connection."""
    caller, connection = await idle_connection(rig)
    await caller.send(get(method="DELETE"))
    await connection.request()
    await connection.send(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert (await caller.answer()).status == 204
    await caller.send(post(b"{}"))
    other = await rig.api.connection()
    await other.request()
    connection.writer.write(b"0\r\n\r\n")
    await asyncio.sleep(0)
    await other.send(OK)
    assert (await caller.answer()).body == b"ok"


WITHOUT_BODY = {"head": ("HEAD", 200, b"HTTP/1.1 200 OK"), "304": ("GET", 304, b"HTTP/1.1 304 Not Modified")}


@pytest.mark.parametrize(("method", "status", "line"), WITHOUT_BODY.values(), ids=WITHOUT_BODY)
async def test_a_late_body_behind_an_answer_that_has_none_meets_no_declaration(rig, method, status, line):
    """A server that sends what it announced after all: the POST behind it is made on another connection."""
    caller, connection = await idle_connection(rig)
    await caller.send(get(method=method))
    await connection.request()
    await connection.send(line + b"\r\nContent-Length: %d\r\n\r\n" % len(OK))
    assert (await caller.answer(method)).status == status
    await caller.send(post(b"{}"))
    other = await rig.api.connection()
    await other.request()
    connection.writer.write(OK)
    await asyncio.sleep(0)
    await other.send(OK)
    assert (await caller.answer()).body == b"ok"


NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize("raw", [get(method="DELETE"), None], ids=["within-the-next-call", "while-idle"])
async def test_an_api_that_sends_a_body_behind_a_204_spoils_one_call_at_most(rig, raw):
    """Nothing announces the first one. From then on no call travels behind an answer without one."""
    caller, connection = await idle_connection(rig)
    await caller.send(get(method="DELETE"))
    await connection.request()
    await connection.send(NOTHING)
    assert (await caller.answer("DELETE")).status == 204
    if raw is not None:
        await caller.send(raw)
        await connection.request()
    await connection.send(b"null")
    assert raw is None or (await caller.answer()).code == "api-malformed"
    await eventually(lambda: rig.pool.idle == 0)
    await caller.send(get(method="DELETE"))
    second = await rig.api.connection()
    await second.request()
    await second.send(NOTHING)
    assert (await caller.answer("DELETE")).status == 204
    await caller.send(post(b"{}"))
    third = await rig.api.connection()
    await third.request()
    assert await second.ended()
    await third.send(OK)
    assert (await caller.answer()).body == b"ok"
    await eventually(lambda: rig.pool.idle == 1)


async def test_a_status_408_on_an_idle_connection_says_nothing_of_late_bodies(rig):
    """It is what many servers send before they close; other connections are used as before."""
    _, connection = await idle_connection(rig)
    await connection.send(TIMED_OUT)
    await eventually(lambda: rig.pool.idle == 0)
    caller = await rig.caller()
    await caller.send(get(method="DELETE"))
    other = await rig.api.connection()
    await other.request()
    await other.send(NOTHING)
    await caller.answer("DELETE")
    await caller.send(post(b"{}"))
    await other.request()
    await other.send(OK)
    assert (await caller.answer()).body == b"ok"


@pytest.mark.parametrize(("method", "status", "line"), WITHOUT_BODY.values(), ids=WITHOUT_BODY)
async def test_what_only_reads_travels_behind_an_answer_without_a_body(rig, method, status, line):
    """Servers that obey keep their connection for it; where no length was announced, for every request."""
    caller, connection = await idle_connection(rig)
    for fields, raw in ((b"Content-Length: 5\r\n", get()), (b"", post(b"{}"))):
        await caller.send(get(method=method))
        await connection.request()
        await connection.send(line + b"\r\n" + fields + b"\r\n")
        assert (await caller.answer(method)).status == status
        await caller.send(raw)
        await connection.request()
        await connection.send(OK)
        assert (await caller.answer()).body == b"ok"
    assert rig.api.opened == 1


async def test_an_answer_before_the_request_is_wholly_sent_ends_the_connection(rig):
    """The gateway has all of the body, the API has not: what it makes of the rest is not known."""
    caller, connection = await idle_connection(rig)
    body = bytes(16_000_000)
    (idle,) = next(iter(rig.gateway.server.generation.profiles.values())).pool._idle
    idle.transport.set_write_buffer_limits(high=2 * len(body))  # back-pressure would leave the caller's body open
    sending = asyncio.create_task(caller.send(post(body)))
    await connection.head()
    connection.writer.transport.pause_reading()
    await connection.send(OK)
    await caller.answer()
    await sending
    await eventually(lambda: rig.pool.busy == 0)
    assert rig.pool.idle == 0
