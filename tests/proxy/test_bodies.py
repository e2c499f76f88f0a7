"""Bodies in both directions: their framing, their ends, and what must never be added to them."""

from __future__ import annotations

import pytest

from tests.support.raw_http import OK, get, ok, post, post_chunked

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET", "OPTIONS", "QUERY"])
async def test_a_body_of_known_length_arrives_as_such(rig, method):
    """Method, length and bytes are the caller's, whatever the method."""
    assert (await rig.call(post(b"a\x00\xffb" * 5_000, method=method))).body == b"ok"
    (request,) = rig.api.requests
    assert (request.method, request.body) == (method.encode(), b"a\x00\xffb" * 5_000)
    assert request.value("Content-Length") == b"20000"


async def test_a_chunked_body_arrives_chunked(rig):
    """What was sent without a length is passed on without one; extensions and trailers end here."""
    raw = get("/employer/REST/x", "Transfer-Encoding: chunked", "Trailer: X-Sum", method="POST")
    await rig.call(raw + b"3;a=b\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 1\r\nAuthorization: evil\r\n\r\n")
    (request,) = rig.api.requests
    assert (request.body, request.value("Trailer")) == (b"abcdefg", None)
    assert request.values("Transfer-Encoding") == [b"chunked"]


async def test_an_empty_chunked_body_is_still_one(rig):
    """The API is told where the body ends."""
    await rig.call(post_chunked())
    assert (rig.api.requests[0].body, rig.api.requests[0].value("Transfer-Encoding")) == (b"", b"chunked")


async def test_a_body_of_length_zero_says_so(rig):
    """A POST without content keeps its Content-Length: 0."""
    await rig.call(post(b""))
    assert rig.api.requests[0].value("Content-Length") == b"0"


async def test_a_body_is_passed_on_as_it_comes(rig):
    """The first part of a body reaches the API before the caller has sent the rest: nothing is gathered."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Content-Length: 8", method="POST") + b"half")
    connection = await rig.api.connection()
    await connection.head()
    assert await connection.stream.exactly(4) == b"half"
    await caller.send(b"rest")
    assert await connection.stream.exactly(4) == b"rest"
    await connection.send(OK)
    assert (await caller.answer()).status == 200


async def test_an_answer_is_passed_on_as_it_comes(rig):
    """The head and the first part of an answer reach the caller before the API has sent the rest."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
    assert b"Content-Length: 8" in await caller.stream.until(b"\r\n\r\n")
    await connection.send(b"half")
    assert await caller.stream.exactly(4) == b"half"
    await connection.send(b"rest")
    assert await caller.stream.exactly(4) == b"rest"


async def test_trailers_of_an_answer_are_dropped(rig):
    """A trailer could carry fields that the head may not; the chunked body ends without one."""
    rig.api.answer = lambda request: CHUNKED + b"3 ;x\r\nabc\r\n0\r\nFla-Gateway-Origin: gateway\r\nX: 1\r\n\r\n"
    caller = await rig.caller()
    for _ in range(2):
        await caller.send(get())
        assert (await caller.answer()).body == b"abc"
    assert rig.api.opened == 1


@pytest.mark.parametrize("fields", ["Content-Length: 12", "X: 1"])
async def test_head_gets_the_head_alone(rig, fields):
    """The length of the body that the API does not send is passed on, and both connections live on."""
    rig.api.answer = lambda request: f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode()
    caller = await rig.caller()
    for _ in range(2):
        await caller.send(get(method="HEAD"))
        answer = await caller.answer("HEAD")
        assert (answer.value("Content-Length") == b"12") is (fields == "Content-Length: 12")
    assert rig.api.opened == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_statuses_without_a_body(rig, status):
    """204 and 304 end with their heads, even if a length stands there; a 204 never shows one."""
    rig.api.answer = lambda request: f'HTTP/1.1 {status}\r\nContent-Length: 12\r\nETag: "x"\r\n\r\n'.encode()
    caller = await rig.caller()
    for _ in range(2):
        await caller.send(get())
        answer = await caller.answer()
        assert answer.value("ETag") == b'"x"'
        assert (answer.value("Content-Length") is None) is status.startswith("204")
    assert rig.api.opened == (2 if status.startswith("204") else 1)


async def test_a_compressed_body_stays_compressed(rig):
    """Content-Encoding, its length and its bytes come through untouched, and so does Accept-Encoding."""
    rig.api.answer = lambda request: ok(b"\x1f\x8b\x08pretend", "Content-Encoding: gzip")
    answer = await rig.call(get("/employer/REST/x", "Accept-Encoding: gzip"))
    assert (answer.value("Content-Encoding"), answer.body) == (b"gzip", b"\x1f\x8b\x08pretend")
    assert rig.api.requests[0].value("Accept-Encoding") == b"gzip"


async def test_a_redirect_is_passed_on_and_never_followed(rig):
    """Location is rewritten where it points to the API; the gateway itself asks nobody."""
    rig.api.answer = lambda request: ok(
        b"", f"Location: https://localhost:{rig.api.port}/REST/next?a=b", status="302 Found"
    )
    answer = await rig.call(get())
    assert (answer.status, answer.value("Location")) == (302, b"http://localhost/employer/REST/next?a=b")
    assert len(rig.api.requests) == 1


async def answered_until_close(rig, request, *, clean):
    """Answer a request until close, one half before the end, and give the caller."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(request)
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(UNTIL_CLOSE + b"half")
    await caller.stream.until(b"half")
    if clean:
        connection.close()
    else:
        connection.cut()
    return caller


async def test_a_body_until_close_is_whole_with_close_notify(rig):
    """TLS says that the end is the server's own; the caller of HTTP/1.1 gets a last chunk and keeps its connection."""
    caller = await answered_until_close(rig, get(), clean=True)
    assert await caller.stream.until(b"0\r\n\r\n") == b"\r\n0\r\n\r\n"
    record = await rig.records.next()
    assert (record.outcome, record.sent) == ("answered", 4)
    rig.api.answer = lambda request: OK
    await caller.send(get())
    assert (await caller.answer()).body == b"ok"


async def test_a_body_until_close_is_truncated_without_close_notify(rig):
    """Anybody on the way can send a FIN: without close_notify there is no last chunk (RFC 9112, section 9.8)."""
    caller = await answered_until_close(rig, get(), clean=False)
    assert await caller.stream.rest() == b"\r\n"
    record = await rig.records.next()
    assert (record.outcome, record.status, record.code) == ("truncated", 200, "api-closed")


@pytest.mark.parametrize("clean", [True, False])
async def test_an_http_1_0_caller_can_tell_an_end_from_a_cut(rig, clean):
    """Where the end of the connection is the end of the body, a cut one is reset, since a FIN would pass for whole."""
    caller = await answered_until_close(rig, get(minor=0), clean=clean)
    if clean:
        assert await caller.stream.rest() == b""
    else:
        with pytest.raises(ConnectionResetError):
            await caller.stream.rest()
    assert (await rig.records.next()).outcome == ("answered" if clean else "truncated")


@pytest.mark.parametrize("end", ["close", "cut", "reset"])
@pytest.mark.parametrize(
    "begin", [b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf", CHUNKED + b"8\r\nhalf", CHUNKED + b"4\r\nhalf\r\n"]
)
async def test_an_api_that_ends_in_mid_body(rig, begin, end):
    """The connection is closed and nothing is written into the half-sent body: no last chunk, no text of our own."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(begin)
    head = await caller.stream.until(b"\r\n\r\n")
    getattr(connection, end)()
    rest = await caller.stream.rest()
    assert rest in {b"half", b"4\r\nhalf\r\n", b""}
    assert b"Content-Length: 8" in head or b"chunked" in head
    record = await rig.records.next()
    assert (record.outcome, record.status, record.origin, record.code) == ("truncated", 200, "upstream", "api-closed")
    assert rig.api.unasked() == 0


@pytest.mark.parametrize("body", [b"5\r\nabc\r\n0\r\n\r\n", b"x\r\n", b"-1\r\n", b"1\r\nabc\r\n", b"3\nabc\n0\n\n"])
async def test_an_api_whose_chunks_are_malformed(rig, body):
    """What comes after the mistake is not passed on, and both connections end."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(CHUNKED + b"4\r\ngood\r\n")
    await caller.stream.until(b"4\r\ngood\r\n")
    await connection.send(body)
    rest = await caller.stream.rest()
    assert b"0\r\n\r\n" not in rest
    assert rest in {b"", b"1\r\na\r\n"}
    record = await rig.records.next()
    assert (record.outcome, record.code) == ("truncated", "api-malformed")
    assert await connection.ended()


async def test_an_api_whose_first_chunk_is_malformed(rig):
    """As long as no byte of the answer has been passed on, a 502 is the honest one."""
    rig.api.answer = lambda request: CHUNKED + b"x\r\n"
    answer = await rig.call(get())
    assert (answer.status, answer.code, answer.problem["delivery"]) == (502, "api-malformed", "unknown")
    assert rig.pool.idle == 0


@pytest.mark.parametrize(
    ("body", "reached"), [(b"zz\r\n", False), (b"3\r\nabcd\r\n0\r\n\r\n", False), (b"1\r\na\r\n\r\n", True)]
)
async def test_a_caller_whose_chunks_are_malformed(rig, body, reached):
    """400; what may have reached the API is not said to be unsent, and its connection ends without the last chunk."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Transfer-Encoding: chunked", method="POST"))
    connection = await rig.api.connection()
    await connection.head()
    await caller.send(body)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (400, "malformed-body", "unknown")
    assert answer.value("Connection") == b"close"
    rest = await _until_end(connection)
    assert b"0\r\n\r\n" not in rest
    assert (b"a" in rest) in {reached, False}


async def _until_end(connection):
    try:
        return await connection.stream.rest()
    except ConnectionError:
        return b""


async def test_a_first_chunk_that_is_malformed_sends_nothing(rig):
    """Where the mistake comes with the head, no byte of the request was written."""
    answer = await rig.call(get("/employer/REST/x", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n")
    assert (answer.code, answer.problem["delivery"]) == ("malformed-body", "not-sent")
    assert rig.api.opened == 0
