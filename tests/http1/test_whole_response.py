"""A small response is read whole, however it is cut into pieces, and never beyond its bounds."""

from __future__ import annotations

import pytest

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.whole_response import WholeResponseReader

BODIES = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3  \r\nllo\r\n0\r\nX: y\r\n\r\n",
    "interim": b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 H\r\nX: y\r\n\r\nHTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "tolerated": b"HTTP/1.1 200\r\nX : a,\r\n b\r\nContent-Length: 5\r\ncontent-length: 5\r\nY: \xe9\r\n\r\nhello",
    "surplus": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n",
}


def read(pieces, largest=100):
    """Feed pieces until a response comes."""
    reader = WholeResponseReader(largest)
    for piece in pieces:
        response = reader.feed(piece)
        if response is not None:
            return response
    return reader


@pytest.mark.parametrize("name", BODIES)
def test_however_it_is_cut(name):
    """In one piece, in two at every place, and byte by byte the response is the same."""
    data = BODIES[name]
    cuts = [[data], [data[at : at + 1] for at in range(len(data))]]
    cuts += [[data[:at], data[at:]] for at in range(1, len(data))]
    for pieces in cuts:
        response = read(pieces)
        assert (response.status, response.body) == (200, b"hello")


def test_values_of_a_field():
    """All lines of a name, in order, whatever its case."""
    response = read([b"HTTP/1.1 204 No\r\nDate: a\r\nX: 1\r\nDATE:b \r\n\r\n"])
    assert (response.status, response.body) == (204, b"")
    assert response.values(b"date") == [b"a", b"b"]
    assert response.values(b"age") == []


def test_a_body_until_the_end():
    """It is complete only if the server itself ended the connection."""
    data = b"HTTP/1.0 200 OK\r\n\r\nhello"
    assert read([data]).end(clean=True).body == b"hello"
    with pytest.raises(ProtocolError) as caught:
        read([data]).end(clean=False)
    assert caught.value.code == "response-truncated"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "response-missing"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "response-missing"),
        (b"HTTP/1.1 103 Hints\r\n\r\n", "response-missing"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "response-truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "response-truncated"),
    ],
)
@pytest.mark.parametrize("clean", [True, False])
def test_an_end_too_early(data, code, clean):
    """Before the head there was no response, afterwards it was cut off."""
    with pytest.raises(ProtocolError) as caught:
        read([data]).end(clean=clean)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"SSH-2.0", "malformed-response"),
        (b"HTTP/2 200", "malformed-response"),
        (b"\r\nHTTP/1.1 200", "malformed-response"),
        (b"HTTP/1.1 200 OK\n", "malformed-response"),
        (b"HTTP/1.1 200 OK\r\nX\r\n\r\n", "malformed-response"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "malformed-response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "malformed-response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed-response"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed-body"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 66_000, "head-too-large"),
        (b"HTTP/1.1 103 Hints\r\nX: " + b"a" * 9_000 + b"\r\n\r\n", "head-too-large"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n", "head-too-large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "response-too-large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 101, "response-too-large"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"a" * 101, "response-too-large"),
    ],
)
def test_what_is_refused(data, code):
    """As soon as it is seen; interim heads without end share one bound."""
    with pytest.raises(ProtocolError) as caught:
        read([data] * (8 if b" 103 " in data else 1))
    assert caught.value.code == code


BROKEN_BODIES = {
    "too large": b"Content-Length: 500\r\n\r\n<html>" + b" " * 494,
    "too large in chunks": b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n<html>" + b" " * 494 + b"\r\n0\r\n\r\n",
    "cut off": b"Content-Length: 500\r\n\r\n<html>",
    "cut off in a chunk": b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n<html>",
    "malformed chunks": b"Transfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\nzz\r\n",
    "until a close without farewell": b"Connection: close\r\n\r\n<html>",
    "framed twice": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\n<html>\r\n0\r\n\r\n",
    "of a length that is no number": b"Content-Length: -5\r\n\r\n<html>",
}


@pytest.mark.parametrize("status", [302, 400, 429, 503])
@pytest.mark.parametrize("name", BROKEN_BODIES)
def test_a_failure_is_told_by_its_head(name, status):
    """Status and fields of a response that is no success are kept whatever becomes of its body, which stays bounded."""
    response = read([b"HTTP/1.1 %d X\r\nRetry-After: 2\r\n" % status + BROKEN_BODIES[name]])
    if isinstance(response, WholeResponseReader):
        response = response.end(clean=False)
    assert (response.status, response.values(b"retry-after")) == (status, [b"2"])
    assert b"<html>".startswith(response.body[:6])
    assert len(response.body) <= 100


@pytest.mark.parametrize("name", BROKEN_BODIES)
def test_a_success_needs_its_whole_body(name):
    """The same bodies of a 200 are errors."""
    with pytest.raises(ProtocolError):
        read([b"HTTP/1.1 200 X\r\n" + BROKEN_BODIES[name]]).end(clean=False)
