"""Connections that are used again, on both sides, and the order of answers."""

from __future__ import annotations

import pytest

from tests.support.raw_http import OK, get, ok, post
from tests.support.waiting import eventually


async def test_many_requests_share_one_connection_on_each_side(rig):
    """Fifty sequential requests of one caller travel on one connection to the API."""
    caller = await rig.caller()
    for _ in range(25):
        await caller.send(get())
        assert (await caller.answer()).body == b"ok"
        await caller.send(post(b"{}"))
        assert (await caller.answer()).body == b"ok"
    assert (rig.api.opened, len(rig.api.requests)) == (1, 50)
    assert rig.pool.reused == 49


async def test_different_callers_share_a_connection_one_after_the_other(rig):
    """A connection to the API belongs to nobody, and nothing of one caller's request is left on it."""
    await rig.call(get("/employer/REST/one", "Cookie: a=b", "X-One: 1"))
    answer = await rig.call(get("/employer/REST/two"))
    assert answer.status == 200
    second = rig.api.requests[1]
    assert (rig.api.opened, second.target) == (1, b"/REST/two")
    assert (second.value("Cookie"), second.value("X-One")) == (None, None)


async def test_a_cookie_set_for_one_caller_is_never_sent_for_another(rig):
    """The gateway has no cookie jar."""
    rig.api.answer = lambda request: ok(b"", "Set-Cookie: session=canary; Path=/")
    assert (await rig.call(get())).value("Set-Cookie") == b"session=canary; Path=/employer/"
    await rig.call(get())
    assert rig.api.requests[1].value("Cookie") is None


async def test_the_request_that_reaches_the_api(rig):
    """Method, target, end-to-end fields in order, and exactly four fields of our own."""
    answer = await rig.call(get("/employer/REST/a%2Fb?q=%C3%A9&q=2", "X-B: caf\xe9", "X-A:  1 ", "Connection: close"))
    (request,) = rig.api.requests
    assert request.line == b"GET /REST/a%2Fb?q=%C3%A9&q=2 HTTP/1.1"
    names = [name for name, _ in request.fields]
    assert names[:3] == [b"Host", b"X-B", b"X-A"]
    assert sorted(names[3:]) == [b"Authorization", b"BelGov-Trace-Id", b"Via"]
    assert request.value("Host") == f"localhost:{rig.api.port}".encode()
    assert request.value("X-B") == b"caf\xe9"
    assert request.value("Authorization") == b"Bearer token-1"
    record = await rig.records.next()
    assert request.value("BelGov-Trace-Id") == record.request_id.encode()
    assert answer.value("Fla-Gateway-Origin") == b"upstream"
    assert record.path == b"/REST/a%2Fb"


async def test_bytes_beyond_ascii_come_back_as_they_were(rig):
    """Fields, reason phrase and body of an answer are bytes."""
    rig.api.answer = lambda request: ok(b"\xff\x00caf\xe9", "X-Name: caf\xe9 \xff", status="200 Tr\xe8s bien")
    answer = await rig.call(get())
    assert answer.line == b"HTTP/1.1 200 Tr\xe8s bien"
    assert (answer.value("X-Name"), answer.body) == (b"caf\xe9 \xff", b"\xff\x00caf\xe9")


async def test_a_callers_trace_id_is_kept(rig):
    """BelGov-Trace-Id is added only where the caller sent none."""
    await rig.call(get("/employer/REST/x", "belgov-trace-id: mine"))
    assert rig.api.requests[0].values("BelGov-Trace-Id") == [b"mine"]


async def test_connection_close_is_obeyed(rig):
    """A caller that wants the connection closed gets it closed, and is told so."""
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Connection: close"))
    assert (await caller.answer()).value("Connection") == b"close"
    assert await caller.ended()


@pytest.mark.parametrize("fields", [(), ("Connection: close",)])
async def test_http_1_0_is_closed_unless_it_asks(rig, fields):
    """The default of HTTP/1.0 is one request per connection, without Host as well."""
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", *fields, minor=0))
    answer = await caller.answer()
    assert (answer.status, answer.value("Connection"), answer.body) == (200, b"close", b"ok")
    assert answer.line.startswith(b"HTTP/1.1 ")
    assert await caller.ended()


async def test_a_gateway_that_will_end_says_so_with_its_next_answer(rig):
    """The API's answer has Connection: close, and then the connection ends: no caller sends on one that is lost."""
    caller = await rig.caller()
    await caller.send(get())
    assert (await caller.answer()).value("Connection") is None
    rig.gateway.server.connections.close_after_responses()
    await caller.send(get())
    assert (await caller.answer()).value("Connection") == b"close"
    assert await caller.ended()


async def test_http_1_0_with_keep_alive_is_kept(rig):
    """An HTTP/1.0 caller that asks is told that the connection stays."""
    caller = await rig.caller()
    for _ in range(3):
        await caller.send(get("/employer/REST/x", "Connection: Keep-Alive", minor=0))
        answer = await caller.answer()
        assert (answer.value("Connection"), answer.body) == (b"keep-alive", b"ok")


async def test_http_1_0_gets_no_chunks(rig):
    """A chunked answer reaches HTTP/1.0 as one that ends with the connection, although it asked for keep-alive."""
    rig.api.answer = lambda request: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    )
    answer = await rig.call(get("/employer/REST/x", "Connection: keep-alive", minor=0))
    assert (answer.value("Transfer-Encoding"), answer.value("Connection")) == (None, b"close")
    assert answer.body == b"abcdefg"


async def test_an_http_1_0_answer_without_length_ends_as_chunks_and_closes_the_apis_side_alone(rig):
    """The caller's connection outlives an API that knows no keep-alive."""
    rig.api.by_hand()
    caller = await rig.caller()
    for _ in range(2):
        await caller.send(get())
        connection = await rig.api.connection()
        await connection.request()
        await connection.send(b"HTTP/1.0 200 OK\r\n\r\nbody")
        connection.close()
        answer = await caller.answer()
        assert (answer.value("Transfer-Encoding"), answer.body) == (b"chunked", b"body")


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
async def test_an_api_that_will_close_is_not_used_again(rig, head):
    """After Connection: close, or HTTP/1.0, the next request opens another connection; the caller notices nothing."""
    rig.api.answer = lambda request: head + b"Content-Length: 2\r\n\r\nok"
    caller = await rig.caller()
    for _ in range(2):
        await caller.send(get())
        answer = await caller.answer()
        assert (answer.body, answer.value("Connection")) == (b"ok", None)
    assert rig.api.opened == 2


async def test_an_http_1_0_api_with_keep_alive_is_used_again(rig):
    """RFC 9112, section 9.3."""
    rig.api.answer = lambda request: b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok"
    await rig.call(get())
    await rig.call(get())
    assert rig.api.opened == 1


async def test_pipelined_requests_are_answered_in_their_order(rig):
    """Requests sent at once, some of them refused here, are answered one after the other."""
    rig.api.answer = lambda request: ok(request.target + b" " + request.body)
    caller = await rig.caller()
    await caller.send(
        get("/employer/REST/1")
        + post(b"two", path="/employer/REST/2")
        + get("/nobody/REST/3")
        + post(b"four", path="/employer/REST/4")
        + get("/employer/REST/oauth/v5/token")
        + get("/employer/REST/6")
    )
    answers = [await caller.answer() for _ in range(6)]
    assert [answer.code or answer.body for answer in answers] == [
        b"/REST/1 ", b"/REST/2 two", "unknown-profile", b"/REST/4 four", "token-endpoint-refused", b"/REST/6 ",
    ]  # fmt: skip
    assert rig.api.opened == 1


async def test_pipelined_requests_are_sent_one_at_a_time(rig):
    """The second request is not begun before the first is answered."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/1") + get("/employer/REST/2"))
    connection = await rig.api.connection()
    assert (await connection.request()).target == b"/REST/1"
    assert (connection.stream.buffer, rig.running) == (b"", 1)
    await connection.send(OK)
    assert (await connection.request()).target == b"/REST/2"


async def test_what_is_pipelined_is_bounded(rig):
    """While an answer is awaited, no more than about one read is taken from a caller that keeps sending."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    await rig.api.connection()
    assert await caller.fill(get() * 10_000) < 64_000_000
    (connection,) = rig.connections
    assert len(connection._buffer) <= 300_000


async def test_a_half_closed_caller_gets_its_answer(rig):
    """FIN after a complete request says that no other comes, not that the answer is unwanted."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(post(b"declaration"))
    caller.fin()
    connection = await rig.api.connection()
    assert (await connection.request()).body == b"declaration"
    await connection.send(OK)
    assert (await caller.answer()).body == b"ok"
    assert await caller.ended()
    assert (await rig.records.next()).outcome == "answered"


async def test_a_half_closed_caller_gets_all_pipelined_answers(rig):
    """FIN behind several requests ends none of them."""
    caller = await rig.caller()
    await caller.send(get() * 5)
    caller.fin()
    assert [(await caller.answer()).body for _ in range(5)] == [b"ok"] * 5
    assert await caller.ended()


async def test_one_byte_at_a_time(rig):
    """A request and an answer that arrive byte by byte are the same request and answer."""
    rig.api.by_hand()
    caller = await rig.caller()
    for byte in post(b"abc"):
        await caller.send(bytes([byte]))
    connection = await rig.api.connection()
    assert (await connection.request()).body == b"abc"
    for byte in ok(b"answer", "X: 1"):
        await connection.send(bytes([byte]))
    answer = await caller.answer()
    assert (answer.value("X"), answer.body) == (b"1", b"answer")


async def test_an_empty_line_between_requests_is_ignored(rig):
    """RFC 9112, section 2.2: old clients send one after a body."""
    caller = await rig.caller()
    await caller.send(post(b"a") + b"\r\n" + get())
    assert [(await caller.answer()).status for _ in range(2)] == [200, 200]
    await eventually(lambda: rig.running == 0)
