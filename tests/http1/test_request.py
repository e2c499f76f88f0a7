"""Request heads: one reading, or none."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.explanations import explain_fields, explain_line
from fla_gateway.http1.fields import MAX_FIELDS, MAX_HEAD, field_lines, value_of
from fla_gateway.http1.request import (
    CHUNKED,
    LONGEST_TARGET,
    RequestFraming,
    RequestLine,
    check_partial_head,
    frame_request,
    lacks_length,
    read_request_line,
)
from tests.http1.strategies import TCHAR, cased, field_pairs, spaces, targets, tokens
from tests.support.properties import BOUNDED
from tests.wire import request_framing, request_heads
from tests.wire.vector import Refused, Vector, get, message


def read(head: bytes) -> tuple[RequestLine, list[tuple[bytes, bytes]], RequestFraming]:
    """Read a whole head as the data path does: first line, field block, framing."""
    end = head.index(b"\r\n") + 2
    line = read_request_line(head[:end])
    lines = field_lines(head[end:])
    if lines is None:
        raise ProtocolError("malformed-request", "a field line is malformed")
    return line, lines, frame_request(lines, line.minor)


def refusal(head: bytes) -> str:
    """Give the code with which a head is refused; empty if it is accepted."""
    try:
        read(head)
    except ProtocolError as error:
        return error.code
    return ""


def framing(*fields: bytes, version: bytes = b"1.1") -> RequestFraming:
    """Frame a POST with these field lines."""
    return read(message(b"POST / HTTP/" + version, b"Host: localhost", *fields))[2]


@BOUNDED
@given(tokens, targets, field_pairs, spaces, spaces)
def test_every_head_of_the_grammar_is_read_as_it_was_written(
    method: bytes, target: bytes, fields: list[tuple[bytes, bytes]], before: bytes, after: bytes
) -> None:
    """A head built from the RFC's parts is taken apart into the same parts, in the same order, names and bytes kept."""
    lines = [name + b":" + before + value + after for name, value in fields]
    line, found, framed = read(message(method + b" " + target + b" HTTP/1.1", b"Host: localhost", *lines))
    assert line == (method, target, 1)
    assert [(name, value_of(rest)) for name, rest in found] == [(b"Host", b"localhost"), *fields]
    assert framed == RequestFraming(0, True, False, b"localhost", frozenset())


@BOUNDED
@given(field_pairs)
def test_a_line_is_kept_byte_for_byte(fields: list[tuple[bytes, bytes]]) -> None:
    """Name and rest, put together again, are the line that came."""
    block = b"".join(name + b": " + value + b"\r\n" for name, value in fields) + b"\r\n"
    lines = field_lines(block)
    assert lines is not None
    assert b"".join(name + rest for name, rest in lines) + b"\r\n" == block


def accepted(make: Callable[[bytes], bytes]) -> set[int]:
    """Give the bytes with which a head is accepted; all in one test, since each test of its own costs a thousand."""
    return {byte for byte in range(256) if refusal(make(bytes([byte]))) == ""}


def test_a_method_and_a_name_are_tokens() -> None:
    """Each byte that is not a tchar (RFC 9110, section 5.6.2) is refused in a method and in a field name."""
    assert accepted(lambda byte: message(b"X" + byte + b"Y / HTTP/1.1", b"Host: a")) == set(TCHAR)
    named = accepted(lambda byte: message(b"GET / HTTP/1.1", b"Host: a", b"X" + byte + b"Y: 1"))
    assert named == {*TCHAR, ord(":")}


def test_a_target_is_visible_ascii_and_a_value_is_text() -> None:
    """Controls are refused everywhere; bytes beyond ASCII only in a target (RFC 9110, section 5.5)."""
    targeted = accepted(lambda byte: message(b"GET /a" + byte + b"b HTTP/1.1", b"Host: a"))
    assert targeted == set(range(0x21, 0x7F))
    valued = accepted(lambda byte: message(b"GET / HTTP/1.1", b"Host: a", b"X: a" + byte + b"b"))
    assert valued == {0x09, *range(0x20, 0x100)} - {0x7F}


def test_only_two_versions_are_spoken() -> None:
    """Every version of one digit and one digit but 1.0 and 1.1 is `version-unsupported` (RFC 9110, section 15.6.6)."""
    heads = {it: message(b"GET / HTTP/%d.%d" % it, b"Host: a") for it in product(range(10), repeat=2)}
    refusals = {version: code for version, head in heads.items() if (code := refusal(head))}
    assert refusals == dict.fromkeys(heads.keys() - {(1, 0), (1, 1)}, "version-unsupported")
    assert [read(heads[1, minor])[0].minor for minor in (0, 1)] == [0, 1]


HEAD_VECTORS = [
    vector
    for vector in (*request_framing.LENGTHS, *request_framing.CODINGS, *request_heads.LINES, *request_heads.FIELDS)
    if isinstance(vector.expect[0], Refused)
    and b"\r\n\r\n" in vector.raw
    and not vector.name.startswith(("method-connect", "target-", "method-options"))
]


def partial_refusal(head: bytes) -> str:
    """Give the code with which a head is refused before its end; empty if it is waited for."""
    try:
        check_partial_head(head)
    except ProtocolError as error:
        return error.code
    return ""


def head_of(vector: Vector) -> bytes:
    """Give the first head of a vector."""
    return vector.raw[: vector.raw.index(b"\r\n\r\n") + 4]


def test_every_malformed_head_of_the_wire_vectors_is_refused() -> None:
    """What the wire vectors call malformed is refused by grammar or framing, or before the head is whole."""
    assert len(HEAD_VECTORS) > 100
    assert [it.name for it in HEAD_VECTORS if not partial_refusal(head_of(it)) and not refusal(head_of(it))] == []


def test_no_beginning_of_a_good_head_is_refused() -> None:
    """A head that has not ended yet is waited for, wherever it is cut."""
    head = get(b"X-A: b")
    assert [place for place in range(len(head)) if partial_refusal(head[:place])] == []


@BOUNDED
@given(tokens, targets, field_pairs, st.data())
def test_no_beginning_of_any_good_head_is_refused(
    method: bytes, target: bytes, fields: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    """A head of the grammar that has not ended yet is waited for, wherever it is cut."""
    head = message(method + b" " + target + b" HTTP/1.1", b"Host: a", *[name + b":" + value for name, value in fields])
    check_partial_head(head[: data.draw(st.integers(0, len(head)))])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\n", "malformed-request"),
        (b"GET / HTTP/1.1\rHost", "malformed-request"),
        (b"GET / HTTP/1.1\r\nHost: a\n\n", "malformed-request"),
        (b"\x16\x03\x01", "malformed-request"),
        (b"GET /\x00", "malformed-request"),
        (b"A" * (MAX_HEAD + 1), "head-too-large"),
        (b"GET /" + b"a" * MAX_HEAD, "uri-too-long"),
        (b"GET /" + b"a" * (LONGEST_TARGET - 1) + b" HTTP/1.1\r\nX: " + b"y" * MAX_HEAD, "head-too-large"),
        (b"GET /" + b"a" * LONGEST_TARGET + b" HTTP/1.1\r\nX: " + b"y" * MAX_HEAD, "uri-too-long"),
        (b"GET / HTTP/1.1\r\nX: " + b"y y" * MAX_HEAD, "head-too-large"),
        (b"A" * 10_000 + b" /" + b"a" * 61_000 + b" HTTP/1.1\r\n", "head-too-large"),
    ],
)
def test_a_head_that_cannot_become_good_is_not_waited_for(data: bytes, code: str) -> None:
    """A bare line end, a NUL, TLS, and a head beyond the bound are refused before the head ends."""
    with pytest.raises(ProtocolError) as caught:
        check_partial_head(data)
    assert caught.value.code == code


@pytest.mark.parametrize("tls", [b"\x16\x03\x01\x02\x00", b"\x16\x03\x03\r\n\r\n", b"\x16\x03\x01\n\0\n"])
def test_tls_is_named(tls: bytes) -> None:
    """A handshake on the plain port is told as such, whatever line ends its random bytes happen to hold."""
    for judged in (check_partial_head, read_request_line):
        with pytest.raises(ProtocolError, match="these bytes are TLS"):
            judged(tls)


BROKEN = "broken over two lines"
FOLDED = "folded"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (b"Authorization: Basic dXNlcjpw\r\n YXNz\r\n", BROKEN),
        (b"Authorization: Basic dXNlcjpw\r\n\tYXNz\r\n", BROKEN),
        (b"Authorization: Basic dXNlcjpw\r\nYXNz\r\n", BROKEN),
        (b"Authorization: Basic dXNlcjpw\nYXNz\r\n", BROKEN),
        (b"Authorization: Basic dXNlcjpw\n YXNz\r\n", BROKEN),
        (b"Authorization: Basic dXNlcjpwYXNz\n\r\n", BROKEN),
        (b"authorization:basic dXNlcjpw\n\r\nAccept: a\r\n", BROKEN),
        (b"Proxy-Authorization: Basic dXNlcjpw\r\n YXNz\r\n", BROKEN),
        (b"Authorization: Bearer eyJh.eyJ\r\n pc3.c2ln\r\n", BROKEN),
        (b"X: a\r\n b\r\n", FOLDED),
        (b"X: a\r\n\tb\r\n", FOLDED),
        (b"X:\r\n b\r\n", FOLDED),
        (b" X: a\r\n", FOLDED),
        (b"X: a\r\n \r\n", FOLDED),
        (b"Authorization: Digest a\r\n b=c, d\r\n", FOLDED),
        (b"X: a\nY: b\r\n", "bare line feed"),
        (b"X-Api-Key: flagw_dXNl\nY: b\r\n", "line end behind it"),
        (b"X-API-Key: flagw_dXNl\n", "line end behind it"),
        (b"x-api-key: flagw_dXNl\rY: b\r\n", "line end behind it"),
        (b"X: a\rY: b\r\n", "carriage return without"),
        (b"X : a\r\n", "not 'name: value'"),
        (b"X\r\n", "not 'name: value'"),
        (b"X: a\0b\r\n", "not 'name: value'"),
    ],
)
def test_a_malformed_field_is_explained(lines: bytes, words: str) -> None:
    """What programs really do wrong is named; no byte of the message is repeated."""
    block = b"Host: localhost\r\n" + lines + b"\r\n"
    assert field_lines(block) is None
    assert words in explain_fields(block).message
    assert "dXNl" not in explain_fields(block).message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"GET /a/b c HTTP/1.1\r\n", "percent-encoded"),
        (b"GET /caf\xc3\xa9 HTTP/1.1\r\n", "percent-encoded"),
        (b"GET /caf\xe9?q=a b HTTP/1.0\r\n", "percent-encoded"),
        (b"GET /a\x01 HTTP/1.1\r\n", "percent-encoded"),
        (b"GET /a\r\n", "METHOD target"),
        (b"GET  /a HTTP/1.1\r\n", "METHOD target"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "METHOD target"),
        (b"\x16\x03\x01 /a HTTP/1.1\r\n", "TLS"),
    ],
)
def test_a_malformed_request_line_is_explained(line: bytes, words: str) -> None:
    """A target that was not encoded is named; no byte of it is repeated."""
    with pytest.raises(ProtocolError, match=words) as raised:
        read_request_line(line)
    assert raised.value.message == explain_line(line).message


@pytest.mark.parametrize(
    ("fields", "minor", "method", "following", "lacks"),
    [
        ((b"Content-Type: a",), 1, b"POST", b"", True),
        ((b"content-type:a",), 1, b"PUT", b"G", True),
        ((b"Content-Type: a",), 1, b"PATCH", b"", True),
        ((b"Content-Type: a",), 0, b"POST", b"", True),
        ((), 0, b"POST", b"G", True),
        ((), 0, b"PUT", b"G", True),
        ((), 0, b"POST", b"", False),
        ((), 0, b"GET", b"G", False),
        ((), 1, b"POST", b"G", False),
        ((), 1, b"POST", b"", False),
        ((b"Content-Type: a",), 1, b"GET", b"G", False),
        ((b"Content-Type: a",), 1, b"DELETE", b"", False),
        ((b"Content-Type: a",), 1, b"post", b"", False),
        ((b"Content-Type: a", b"Content-Length: 0"), 1, b"POST", b"", False),
        ((b"Content-Type: a", b"Content-Length: 5"), 0, b"POST", b"G", False),
        ((b"Content-Length: 0",), 0, b"POST", b"G", False),
        ((b"Content-Type: a", b"Transfer-Encoding: chunked"), 1, b"POST", b"G", False),
        ((b"Content-Type: a",), 1, b"DELETE", b"{", True),
        ((), 1, b"DELETE", b"[", True),
        ((), 1, b"POST", b"<", True),
        ((), 1, b"MERGE", b'"', True),
        ((), 0, b"DELETE", b"{", True),
        ((), 1, b"DELETE", b"\r", False),
        ((), 1, b"DELETE", b"\n", False),
        ((), 1, b"DELETE", b"G", False),
        ((), 1, b"GET", b"{", False),
        ((b"Content-Length: 0",), 1, b"DELETE", b"{", False),
    ],
)
def test_a_body_without_a_length_is_noticed(
    fields: tuple[bytes, ...], minor: int, method: bytes, following: bytes, *, lacks: bool
) -> None:
    """A method that has a body and a type, or bytes behind the head that begin no request; a length of 0 is one."""
    framed = framing(*fields, version=b"1.%d" % minor)
    noticed = not framed.framed and lacks_length(method, minor=minor, typed=framed.typed, following=following)
    assert noticed is lacks


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ((), None), ((b"Max-Forwards: 0",), 0), ((b"max-forwards:\t10 ",), 10), ((b"Max-Forwards: 007",), 7),
        ((b"Max-Forwards: " + b"9" * 40,), 999_999_999), ((b"Max-Forwards: -1",), None), ((b"Max-Forwards:",), None),
        ((b"Max-Forwards: 1", b"Max-Forwards: 2"), None), ((b"Max-Forwards: 1.0",), None),
    ],
)  # fmt: skip
def test_max_forwards_is_a_number(fields: tuple[bytes, ...], number: int | None) -> None:
    """Anything else is as good as none, and a number beyond all chains of proxies becomes the largest."""
    assert framing(*fields).max_forwards == number


def test_a_hundred_fields_are_the_limit() -> None:
    """100 fields are read, 101 are `head-too-large`."""
    assert len(field_lines(b"a: b\r\n" * MAX_FIELDS + b"\r\n") or []) == MAX_FIELDS
    with pytest.raises(ProtocolError) as caught:
        field_lines(b"a: b\r\n" * (MAX_FIELDS + 1) + b"\r\n")
    assert caught.value.code == "head-too-large"


@BOUNDED
@given(cased(b"content-length"), spaces, st.integers(0, 10**17), spaces)
def test_a_length_is_a_number_with_optional_white_space(name: bytes, before: bytes, length: int, after: bytes) -> None:
    """Any case of the name and any white space around the number give that length."""
    assert framing(name + b":" + before + b"%d" % length + after).length == length


@BOUNDED
@given(cased(b"transfer-encoding"), cased(b"chunked"), spaces)
def test_chunked_is_the_only_coding(name: bytes, coding: bytes, around: bytes) -> None:
    """Any case of the name and of the coding is chunked."""
    assert framing(name + b":" + around + coding + around).length == CHUNKED


@BOUNDED
@given(st.binary(max_size=8).filter(lambda value: not (value.isdigit() and value.isascii())))
def test_no_other_value_is_a_length(value: bytes) -> None:
    """A value that is not digits alone, white space around it removed, is refused."""
    stripped = value.strip(b" \t")
    if stripped.isdigit():
        return
    assert refusal(message(b"POST / HTTP/1.1", b"Host: a", b"Content-Length: " + value)) == "malformed-request"


@BOUNDED
@given(
    st.lists(
        st.sampled_from(
            (b"Content-Length: 5", b"content-length: 5", b"Content-Length: 0", b"Transfer-Encoding: chunked")
        ),
        min_size=2,
        max_size=3,
    )
)
def test_two_framing_fields_are_never_accepted(lines: list[bytes]) -> None:
    """Lengths and codings exclude each other and themselves, in every order (RFC 9112, section 6.3)."""
    assert refusal(message(b"POST / HTTP/1.1", b"Host: a", *lines)) == "malformed-request"


@pytest.mark.parametrize(
    ("fields", "version", "kept"),
    [
        ((), b"1.1", True),
        ((b"Connection: close",), b"1.1", False),
        ((b"Connection: x, CLOSE",), b"1.1", False),
        ((b"Connection: x", b"connection: Close"), b"1.1", False),
        ((b"Connection: closed",), b"1.1", True),
        ((), b"1.0", False),
        ((b"Connection: Keep-Alive",), b"1.0", True),
        ((b"Connection: keep-alive, close",), b"1.0", False),
    ],
)
def test_a_connection_is_kept_as_the_rfc_says(fields: tuple[bytes, ...], version: bytes, kept: bool) -> None:
    """HTTP/1.1 keeps unless it closes, HTTP/1.0 closes unless it keeps, and close wins (RFC 9112, section 9.3)."""
    assert framing(*fields, version=version).keep_alive is kept


def test_nominated_names_are_collected_from_every_line() -> None:
    """The names of all Connection lines count, in lower case, empty members left out (RFC 9110, section 7.6.1)."""
    found = framing(b"Connection: X-One,, x-two ,", b"CONNECTION:\tX-Three")
    assert found.nominated == {b"x-one", b"x-two", b"x-three"}


@pytest.mark.parametrize(
    ("fields", "version", "expects"),
    [
        ((b"Expect: 100-continue", b"Content-Length: 5"), b"1.1", True),
        ((b"EXPECT: 100-CONTINUE", b"Transfer-Encoding: chunked"), b"1.1", True),
        ((b"Expect: 100-continue", b"Content-Length: 0"), b"1.1", False),
        ((b"Expect: 100-continue",), b"1.1", False),
        ((b"Expect: 100-continue", b"Content-Length: 5"), b"1.0", False),
        ((b"Expect: nonsense", b"Content-Length: 5"), b"1.0", False),
        ((b"Expect:", b"Content-Length: 5"), b"1.1", False),
        ((b"Expect: ,", b"Content-Length: 5"), b"1.1", False),
        ((b"Expect: 100-continue,", b"Content-Length: 5"), b"1.1", True),
        ((b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: 5"), b"1.1", True),
    ],
)
def test_an_expectation_is_that_of_a_body_in_http_1_1(fields: tuple[bytes, ...], version: bytes, expects: bool) -> None:
    """100-continue counts where a body follows and the version knows it (RFC 9110, section 10.1.1)."""
    assert framing(*fields, version=version).expects_continue is expects


@pytest.mark.parametrize("value", [b"200-ok", b"100-continue, x", b"100-continue;a"])
def test_an_unknown_expectation_fails(value: bytes) -> None:
    """Anything but 100-continue is `expectation-failed`."""
    assert refusal(message(b"POST / HTTP/1.1", b"Host: a", b"Expect: " + value)) == "expectation-failed"


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ((), b"1.1"),
        ((b"Host: a", b"Host: a"), b"1.1"),
        ((b"Host: a", b"hOsT: b"), b"1.0"),
        ((b"Host: a b",), b"1.1"),
        ((b"Host: a/b",), b"1.1"),
        ((b"Host: u@a",), b"1.1"),
        ((b"Host: a, b",), b"1.1"),
        ((b"Host: a:b",), b"1.1"),
        ((b"Host: [::1",), b"1.1"),
        ((b"Host: a\\b",), b"1.1"),
    ],
)
def test_a_missing_repeated_or_invalid_host_is_refused(fields: tuple[bytes, ...], version: bytes) -> None:
    """RFC 9112, section 3.2: 400 to a request that lacks Host, has more than one, or an invalid one."""
    assert refusal(message(b"GET / HTTP/" + version, *fields)) == "malformed-request"


def test_http_1_0_may_lack_a_host() -> None:
    """A head of HTTP/1.0 without Host is read, and says that there was none."""
    assert read(b"GET / HTTP/1.0\r\n\r\n")[2].host is None


@BOUNDED
@given(st.binary(max_size=60))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    """Whatever bytes come, the answer is a head or one ProtocolError, never another exception."""
    assert refusal(data + b"\r\n\r\n") in {
        "",
        "malformed-request",
        "version-unsupported",
        "transfer-coding-unsupported",
        "expectation-failed",
    }


def test_no_error_shows_bytes_of_the_message() -> None:
    """An error's sentence is one of a few, whatever came: a head may carry a secret."""
    for vector in HEAD_VECTORS:
        with pytest.raises(ProtocolError) as caught:
            read(head_of(vector).replace(b"\r\n\r\n", b"\r\nX-Canary : canary\x00canary\r\n\r\n"))
        assert "canary" not in str(caught.value).lower(), vector.name
