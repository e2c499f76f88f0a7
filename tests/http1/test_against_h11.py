"""Differential: what this reader accepts, h11 accepts with the same meaning.

Known exceptions: this reader leaves a leading CRLF to its caller, while h11 skips some itself; h11 closes after every
HTTP/1.0 message, while this reader honours keep-alive there; h11 refuses the white space that RFC 9112, section 7.1.1,
lets stand before a chunk extension (BWS, which a recipient MUST remove); h11 judges the framing fields of a trailer,
while this reader drops them unread (RFC 9110, section 6.5.1).
"""

from __future__ import annotations

import re

import h11
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.http1.chunked import ChunkedDecoder
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import value_of
from fla_gateway.http1.request import CHUNKED
from fla_gateway.http1.response import read_response_head
from fla_gateway.http1.response_framing import UNTIL_CLOSE, frame_response
from tests.http1.strategies import chunked_bodies, field_pairs, targets, tokens
from tests.http1.test_request import read
from tests.http1.test_response_framing import values_of
from tests.support.properties import BOUNDED
from tests.wire import requests
from tests.wire.vector import message

LARGE = 200_000
SPACE_BEFORE_EXTENSION = re.compile(rb"(\n[0-9A-Fa-f]+)[ \t]+;")
DROPPED_UNREAD = frozenset(("chunk-trailer-framing",))
Fields = list[tuple[bytes, bytes]]
Meaning = tuple[bytes, bytes, Fields, bytes, bool]


def ours(raw: bytes) -> Meaning | None:
    """Read one whole request with http1: method, target, fields, body, keep-alive; None if refused or unfinished."""
    end = raw.find(b"\r\n\r\n")
    if end < 0:
        return None
    rest = raw[end + 4 :]
    try:
        line, lines, framing = read(raw[: end + 4])
        if framing.length == CHUNKED:
            found, ended, _ = ChunkedDecoder().feed(rest)
            if not ended:
                return None
            body = b"".join(found)
        elif len(rest) < framing.length:
            return None
        else:
            body = rest[: framing.length]
    except ProtocolError:
        return None
    fields = [(name.lower(), value_of(value)) for name, value in lines]
    return line.method, line.target, fields, body, framing.keep_alive and line.minor == 1


def theirs(raw: bytes) -> Meaning:
    """Read one whole request with h11."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGE)
    connection.receive_data(SPACE_BEFORE_EXTENSION.sub(rb"\1;", raw))
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    body = bytearray()
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    keep_alive = connection.our_state is not h11.MUST_CLOSE and connection.their_state is not h11.MUST_CLOSE
    return request.method, request.target, list(request.headers), bytes(body), keep_alive


def _alike(mine: Meaning, other: Meaning) -> bool:
    return mine[:2] == other[:2] and _plain(mine[2]) == _plain(other[2]) and mine[3:] == other[3:]


def _plain(fields: Fields) -> Fields:
    # h11 writes the one coding it knows in lower case.
    return [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in fields]


def test_every_wire_vector_that_is_accepted_means_the_same_to_h11() -> None:
    """Each raw request that this reader accepts is accepted by h11 with the same parts, body and persistence."""
    compared = 0
    for vector in requests.VECTORS:
        mine = ours(vector.raw)
        if mine is not None and vector.name not in DROPPED_UNREAD:
            assert _alike(mine, theirs(vector.raw)), vector.name
            compared += 1
    assert compared > 100


@BOUNDED
@given(tokens.filter(lambda method: method != b"CONNECT"), targets, field_pairs, st.binary(max_size=30), st.data())
def test_every_good_request_means_the_same_to_h11(
    method: bytes, target: bytes, fields: Fields, payload: bytes, data: st.DataObject
) -> None:
    """A request of the grammar, with any framing, has the same parts and the same body for both."""
    lines = [name + b": " + value for name, value in fields]
    framing, body = data.draw(
        st.one_of(
            st.just(((), b"")),
            st.just(((b"Content-Length: %d" % len(payload),), payload)),
            chunked_bodies().map(lambda coded: ((b"Transfer-Encoding: chunked",), coded[0])),
        )
    )
    raw = message(method + b" " + target + b" HTTP/1.1", b"Host: localhost", *lines, *framing, body=body)
    mine = ours(raw)
    assert mine is not None
    assert _alike(mine, theirs(raw))


TAMPERED = [it.raw for it in requests.VECTORS if len(it.raw) < 600 and it.name not in DROPPED_UNREAD]


@BOUNDED
@given(st.sampled_from(TAMPERED), st.data())
def test_a_tampered_request_that_is_accepted_means_the_same_to_h11(raw: bytes, data: st.DataObject) -> None:
    """One byte changed, added or missing: if this reader still accepts, h11 reads the same."""
    place = data.draw(st.integers(0, len(raw)))
    added = data.draw(st.sampled_from((b"", b"\r", b"\n", b"\t", b" ", b":", b",", b"0", b"\xe9", b"\x00", b"\r\n")))
    tampered = raw[:place] + added + raw[place + data.draw(st.integers(0, 1)) :]
    mine = ours(tampered)
    if mine is not None:
        assert _alike(mine, theirs(tampered))


FRAMINGS: list[tuple[tuple[bytes, ...], bytes]] = [
    ((b"Content-Length: 5",), b"hello"),
    ((b"Content-Length: 5", b"Content-Length: 5"), b"hello"),
    ((b"Content-Length: 5, 5",), b"hello"),
    ((b"Transfer-Encoding: chunked",), b"5\r\nhello\r\n0\r\n\r\n"),
    ((), b"hello"),
]


@BOUNDED
@given(st.integers(200, 599), field_pairs, st.sampled_from(FRAMINGS), st.sampled_from((b"GET", b"HEAD")))
def test_every_good_response_means_the_same_to_h11(
    status: int, fields: Fields, framing: tuple[tuple[bytes, ...], bytes], method: bytes
) -> None:
    """A response of the grammar, with any framing, has the same status, fields and body for both."""
    lines, body = framing
    raw = message(b"HTTP/1.1 %d OK" % status, *[name + b": " + value for name, value in fields], *lines)
    head = read_response_head(raw)
    framed = frame_response(
        values_of(head.lines, b"transfer-encoding"),
        values_of(head.lines, b"content-length"),
        None,
        status=status,
        minor=head.minor,
        to_head=method == b"HEAD",
    )
    mine = b"" if framed.length == 0 else b"hello"
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGE)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(raw + (b"" if framed.length == 0 else body))
    if framed.length == UNTIL_CLOSE:
        connection.receive_data(b"")
    response = connection.next_event()
    assert isinstance(response, h11.Response)
    seen = bytearray()
    while isinstance(event := connection.next_event(), h11.Data):
        seen += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert (response.status_code, bytes(seen)) == (status, mine)
    others = [(name.lower(), value_of(rest)) for name, rest in head.lines if name.lower() != b"content-length"]
    assert [(name, value) for name, value in response.headers if name != b"content-length"] == others
