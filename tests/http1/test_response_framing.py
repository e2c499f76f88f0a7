"""Where a response's body ends, and whether its connection lives on."""

from __future__ import annotations

import pytest

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import value_of
from fla_gateway.http1.request import CHUNKED
from fla_gateway.http1.response import read_response_head
from fla_gateway.http1.response_framing import UNTIL_CLOSE, ResponseFraming, frame_response, persists_after
from tests.wire.vector import message


def values_of(lines: list[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Join the values of one field; None if there is none."""
    values = [value_of(rest) for found, rest in lines if found.lower() == name]
    return b", ".join(values) if values else None


def framed(*fields: bytes, status: int = 200, version: bytes = b"1.1", to_head: bool = False) -> ResponseFraming:
    """Read and frame a response with these field lines."""
    head = read_response_head(message(b"HTTP/%s %d X" % (version, status), *fields))
    return frame_response(
        values_of(head.lines, b"transfer-encoding"),
        values_of(head.lines, b"content-length"),
        values_of(head.lines, b"connection"),
        status=status,
        minor=head.minor,
        to_head=to_head,
    )


@pytest.mark.parametrize(
    ("fields", "version", "length"),
    [
        ((b"Content-Length: 5",), b"1.1", 5),
        ((b"Content-Length : 5",), b"1.1", 5),
        ((b"Content-Length: 5", b"content-length: 5"), b"1.1", 5),
        ((b"Content-Length: 5, 5",), b"1.1", 5),
        ((b"Content-Length: 5, 5", b"Content-Length: 5"), b"1.1", 5),
        ((b"Transfer-Encoding: Chunked",), b"1.1", CHUNKED),
        ((), b"1.1", UNTIL_CLOSE),
        ((), b"1.0", UNTIL_CLOSE),
    ],
)
def test_a_body_ends_as_the_fields_say(fields: tuple[bytes, ...], version: bytes, length: int) -> None:
    """Length, chunked, or until the connection's end (RFC 9112, section 6.3); identical lengths count once."""
    found = framed(*fields, version=version)
    assert (found.length, found.announced) == (length, length)
    assert found.persistent is (length != UNTIL_CLOSE)


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ((b"Content-Length: 5", b"Content-Length: 6"), b"1.1"),
        ((b"Content-Length: 5, 6",), b"1.1"),
        ((b"Content-Length: 5", b"Content-Length: 05"), b"1.1"),
        ((b"Content-Length:",), b"1.1"),
        ((b"Content-Length: ,",), b"1.1"),
        ((b"Content-Length: +5",), b"1.1"),
        ((b"Content-Length: -5",), b"1.1"),
        ((b"Content-Length: 5a",), b"1.1"),
        ((b"Content-Length: 0x5",), b"1.1"),
        ((b"Content-Length: \xb2",), b"1.1"),
        ((b"Content-Length: 99999999999999999999",), b"1.1"),
        ((b"Content-Length: 5", b"Transfer-Encoding: chunked"), b"1.1"),
        ((b"Transfer-Encoding: chunked",), b"1.0"),
        ((b"Transfer-Encoding: gzip",), b"1.1"),
        ((b"Transfer-Encoding: gzip, chunked",), b"1.1"),
        ((b"Transfer-Encoding: chunked, gzip",), b"1.1"),
        ((b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), b"1.1"),
        ((b"Transfer-Encoding: identity",), b"1.1"),
        ((b"Transfer-Encoding:",), b"1.1"),
    ],
)
@pytest.mark.parametrize("to_head", [False, True])
def test_a_body_with_two_ends_is_refused(fields: tuple[bytes, ...], version: bytes, to_head: bool) -> None:
    """Wherever two readers could see two different ends the response is malformed, an answer to HEAD too."""
    with pytest.raises(ProtocolError) as caught:
        framed(*fields, version=version, to_head=to_head)
    assert caught.value.code == "malformed-response"


@pytest.mark.parametrize(
    ("status", "to_head", "fields", "persistent"),
    [
        (204, False, (), True),
        (204, False, (b"Content-Length: 0",), True),
        (204, False, (b"Content-Length: 5",), False),
        (204, False, (b"Content-Length: 5, 6",), False),
        (204, False, (b"Content-Length: x",), False),
        (204, False, (b"Transfer-Encoding: chunked",), False),
        (204, False, (b"Transfer-Encoding: gzip", b"Content-Length: 0"), False),
        (304, False, (), True),
        (304, False, (b"Content-Length: 5",), True),
        (304, False, (b"Transfer-Encoding: chunked",), False),
        (200, True, (), True),
        (404, True, (b"Content-Length: 5",), True),
        (200, True, (b"Transfer-Encoding: chunked",), False),
        (103, False, (), True),
        (103, False, (b"Content-Length: 5",), False),
        (103, False, (b"Transfer-Encoding: chunked",), False),
        (100, False, (b"Content-Length: 0",), True),
    ],
)
def test_an_answer_without_body_has_none_whatever_its_fields_say(
    status: int, to_head: bool, fields: tuple[bytes, ...], persistent: bool
) -> None:
    """1xx, 204, 304 and answers to HEAD end with their head; where a body is announced, nothing follows on them."""
    found = framed(*fields, status=status, to_head=to_head)
    assert (found.length, found.persistent) == (0, persistent)


@pytest.mark.parametrize(
    ("fields", "persists"),
    [
        ((), True),
        ((b"Link: </a>",), True),
        ((b"content-LENGTH: 0",), True),
        ((b"Content-Length: 0", b"Content-Length: 3"), False),
        ((b"Transfer-Encoding: chunked",), False),
        ((b"Connection: close",), False),
    ],
)
def test_an_interim_response_that_announces_a_body_leaves_doubt(fields: tuple[bytes, ...], persists: bool) -> None:
    """A server that breaks the rule (RFC 9110, section 8.6) may send the body as well."""
    assert persists_after(read_response_head(message(b"HTTP/1.1 103 X", *fields))) is persists


@pytest.mark.parametrize(
    ("fields", "version", "persistent"),
    [
        ((b"Connection: close",), b"1.1", False),
        ((b"Connection: CLOSE, x",), b"1.1", False),
        ((b"Connection: x", b"Connection: close"), b"1.1", False),
        ((), b"1.1", True),
        ((), b"1.0", False),
        ((b"Connection: Keep-Alive",), b"1.0", True),
        ((b"Connection: keep-alive, close",), b"1.0", False),
    ],
)
def test_a_connection_persists_as_the_rfc_says(fields: tuple[bytes, ...], version: bytes, persistent: bool) -> None:
    """HTTP/1.1 persists unless it closes, HTTP/1.0 does not unless it keeps alive (RFC 9112, section 9.3)."""
    assert framed(*fields, b"Content-Length: 0", version=version).persistent is persistent
