"""Response heads: as strict as requests, but for the repairs that RFC 9112 asks of a proxy."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.http1 import response
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import value_of
from fla_gateway.http1.response import check_partial_response, read_response_head
from tests.http1.strategies import field_pairs, tokens, values
from tests.support.properties import BOUNDED
from tests.wire.vector import message


def parts(head: bytes) -> list[tuple[bytes, bytes]]:
    """Read a head and give its fields as names and values."""
    return [(name, value_of(rest)) for name, rest in read_response_head(head).lines]


def test_a_cookie_is_not_remembered():
    """The value is in the head that was read, and in no memory afterwards."""
    read = read_response_head(message(b"HTTP/1.1 200 OK", b"set-Cookie: session=canary-0815"))
    assert read.lines == [(b"set-Cookie", b": session=canary-0815\r\n")]
    assert not [raw for raw in response._LINES if b"canary-0815" in raw]


def test_lines_that_come_again_are_read_as_before_and_only_so_many_are_remembered():
    """A bad line among good ones that are known is noticed, and thousands of others drive none of them out for good."""
    good = message(b"HTTP/1.1 200 OK", b"Content-Type: text/plain", b"X: y")
    first = read_response_head(good)
    for number in range(3_000):
        other = read_response_head(
            message(b"HTTP/1.1 200 OK %d" % number, b"Content-Type: text/plain", b"Y: %d" % number)
        )
        assert other.lines == [first.lines[0], (b"Y", b": %d\r\n" % number)]
    again = read_response_head(good)
    assert (again.lines, again.status, again.reason) == (first.lines, first.status, first.reason)
    assert max(len(response._LINES), len(response._STARTS)) <= 1_024
    with pytest.raises(ProtocolError):
        read_response_head(message(b"HTTP/1.1 200 OK", b"Content-Type: text/plain", b"X y"))


@BOUNDED
@given(st.integers(100, 599), values, field_pairs)
def test_every_head_of_the_grammar_is_read_as_it_was_written(
    status: int, reason: bytes, fields: list[tuple[bytes, bytes]]
) -> None:
    """A head built from the RFC's parts is taken apart into the same parts, in the same order."""
    line = b"HTTP/1.1 %d %s" % (status, reason)
    head = read_response_head(message(line, *[name + b": " + value for name, value in fields]))
    assert (head.status, head.reason, head.minor) == (b"%d" % status, reason, 1)
    assert [(name, value_of(rest)) for name, rest in head.lines] == fields


@pytest.mark.parametrize("line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.0 200"])
def test_a_reason_may_be_empty_and_its_space_missing(line: bytes) -> None:
    """RFC 9112, section 4: the reason phrase is optional; real servers leave its space out as well."""
    head = read_response_head(message(line))
    assert (head.status, head.reason) == (b"200", b"")


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.1 20",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000",
        b"HTTP/1.1 2OO OK",
        b"HTTP/1.1 -20 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 000 X",
        b"HTTP/1.1 099 X",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1 200\tOK",
        b"HTTP/1.1 200OK",
        b"HTTP/1.1 \xb2\xb9\xb9 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/2 200 OK",
        b"HTTP/0.9 200 OK",
        b"http/1.1 200 OK",
        b" HTTP/1.1 200 OK",
        b"ICY 200 OK",
        b"HTTP/1.1 200 O\x00K",
        b"HTTP/1.1 200 O\rK",
        b"HTTP/1.1 200 O\nK",
        b"200 OK",
        b"<html>",
        b"",
    ],
)
def test_a_malformed_status_line_is_refused(line: bytes) -> None:
    """Anything but `HTTP/1.x ddd reason` is malformed."""
    with pytest.raises(ProtocolError) as caught:
        read_response_head(message(line, b"Content-Length: 0"))
    assert caught.value.code == "malformed-response"


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b": x",
        b"X A: b",
        b"X-\xe9: b",
        b"X-\x00A: b",
        b"X-A\x0b: b",
        b"X-A: b\n",
        b"X-A: b\n\nc",
        b"X-A: b\r\n\nX-B: c",
        b"X-A: b\r\r\n c",
    ],
)
def test_a_malformed_field_line_is_refused(line: bytes) -> None:
    """What cannot be repaired is malformed, alone and behind a good field."""
    for head in (message(b"HTTP/1.1 200 OK", line), message(b"HTTP/1.1 200 OK", b"X-Good: 1", line, b"X-Good : 2")):
        with pytest.raises(ProtocolError) as caught:
            read_response_head(head)
        assert caught.value.code == "malformed-response"


CONTROLS = [*range(0x20), 0x7F]
CONTROLS.remove(0x09)
BREAKING = [0x00, 0x0A, 0x0D]
DECIDING = [
    b"Content-Length", b"transfer-encoding", b"Connection", b"LOCATION", b"Content-Location", b"Set-Cookie",
    b"set-cookie2",
]  # fmt: skip


@pytest.mark.parametrize("place", [b"%cb", b"a%cb", b"a%c", b"a %c%c b"])
def test_a_control_character_in_a_value_becomes_a_space(place: bytes) -> None:
    """RFC 9110, section 5.5: such a value is invalid; each character is replaced before anything is forwarded."""
    for control in CONTROLS:
        value = place.replace(b"%c", bytes([control]))
        if control == 0x0A:
            # A line feed beside another line end is another matter.
            value = value.replace(b"\n\n", b"\n") + b"c"
        head = read_response_head(message(b"HTTP/1.1 200 OK", b"X-A: 1", b"X-B: " + value, b"Content-Length: 5"))
        assert [rest for _, rest in head.lines] == [
            b": 1\r\n", b": " + value.replace(bytes([control]), b" ") + b"\r\n", b": 5\r\n"
        ], control  # fmt: skip
        assert head.sound is (control not in BREAKING), control


@pytest.mark.parametrize("control", BREAKING)
@pytest.mark.parametrize("name", DECIDING)
def test_nul_cr_and_lf_are_refused_in_what_frames_routes_or_sets_cookies(name: bytes, control: int) -> None:
    """What such a value means is not guessed at."""
    with pytest.raises(ProtocolError) as caught:
        read_response_head(message(b"HTTP/1.1 200 OK", name + b": a" + bytes([control]) + b"b"))
    assert caught.value.code == "malformed-response"


OTHERS = [control for control in CONTROLS if control not in BREAKING]


@pytest.mark.parametrize("name", DECIDING)
def test_other_control_characters_become_spaces_there_as_well(name: bytes) -> None:
    """But for those that frame, the connection is used again."""
    for control in OTHERS:
        head = read_response_head(message(b"HTTP/1.1 200 OK", name + b": " + bytes([control]) + b"a"))
        assert head.lines == [(name, b":  a\r\n")], control
        assert head.sound is (name.lower() not in {b"content-length", b"transfer-encoding", b"connection"}), control


def test_a_control_character_in_a_reason_becomes_a_space() -> None:
    """The status line is kept, whatever a server writes behind it."""
    heads = {it: read_response_head(message(b"HTTP/1.1 200 O" + bytes([it]) + b"K")) for it in OTHERS}
    assert {it: head.reason for it, head in heads.items()} == dict.fromkeys(OTHERS, b"O K")


def test_bytes_beyond_ascii_are_no_control_characters() -> None:
    """Those from 0x80 to 0x9f are parts of UTF-8 as well: values pass byte for byte."""
    for byte in (bytes([number]) for number in range(0x80, 0x100)):
        head = read_response_head(message(b"HTTP/1.1 200 \xc2" + byte, b"X-A: \xc2" + byte, b"X-B: \x01"))
        assert (head.reason[1:], head.lines[0][1][3:4]) == (byte, byte)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\n \t"])
@pytest.mark.parametrize("hidden", [b"Content-Length: 5", b"transfer-encoding : chunked"])
def test_framing_is_not_lost_behind_a_bare_line_end(end: bytes, hidden: bytes) -> None:
    """A server that ends lines in two ways means a field there: without another one the end of the body is unknown."""
    with pytest.raises(ProtocolError):
        read_response_head(message(b"HTTP/1.1 200 OK", b"X-A: b" + end + hidden))
    head = read_response_head(message(b"HTTP/1.1 200 OK", b"X-A: b" + end + hidden, b"Content-Length: 4"))
    assert not head.sound


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"HTTP/1.1 200 OK\n", True),
        (b"\nHTTP/1.1 200 OK", True),
        (b"HTTP/1.1 200 OK\r\nX-A: b\n\n", True),
        (b"HTTP/1.1 200 OK\r\nX-A: b\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nX-A: b\r\n\n", True),
        (b"HTTP/2 200", True),
        (b"SSH", True),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 70_000, True),
        (b"HTT", False),
        (b"HTTP/1.1 200 OK\r", False),
        (b"HTTP/1.1 200 OK\r\nX-A: b\r", False),
        (b"HTTP/1.1 200 OK\r\nX-A: b\nc\x00\x01\rd\r\n", False),
    ],
)
def test_a_head_that_cannot_become_good_is_refused_before_it_ends(data: bytes, refused: bool) -> None:
    """In one piece and byte by byte: nothing waits for a time-out that can be told at once."""

    def judge(step: int) -> bool:
        try:
            for seen in range(0, len(data), step):
                check_partial_response(data[: seen + step], seen)
        except ProtocolError:
            return True
        return False

    assert judge(len(data)) is refused
    if len(data) < 1_000:
        assert judge(1) is refused


@BOUNDED
@given(st.lists(st.tuples(tokens, st.sampled_from((b"", b" ", b"\t", b"  \t ")), values), max_size=5))
def test_space_before_a_colon_is_removed(fields: list[tuple[bytes, bytes, bytes]]) -> None:
    """RFC 9112, section 5.1: a proxy removes white space between name and colon; nothing else changes."""
    head = message(b"HTTP/1.1 200 OK", *[name + space + b": " + value for name, space, value in fields])
    assert parts(head) == [(name, value) for name, _, value in fields]


@BOUNDED
@given(tokens, st.lists(values.filter(bool), min_size=1, max_size=4), st.sampled_from((b" ", b"\t", b"  \t")))
def test_a_folded_value_is_unfolded(name: bytes, words: list[bytes], fold: bytes) -> None:
    """RFC 9112, section 5.2: a proxy replaces each obs-fold with spaces; the value stays one value of one field."""
    head = message(b"HTTP/1.1 200 OK", b"X-A: 1", name + b": " + (b"\r\n" + fold).join(words), b"X-B: 2")
    found = parts(head)
    assert [field for field, _ in found] == [b"X-A", name, b"X-B"]
    assert found[1][1] == b" ".join(words)


def test_a_fold_cannot_hide_a_field() -> None:
    """A folded line that looks like a field is part of the value before it."""
    head = message(b"HTTP/1.1 200 OK", b"X-A: 1", b" Content-Length : 5", b"\tSet-Cookie: a=b")
    assert parts(head) == [(b"X-A", b"1 Content-Length : 5 Set-Cookie: a=b")]


def test_a_fold_before_the_first_field_is_refused() -> None:
    """White space behind the status line folds nothing (RFC 9112, section 2.2)."""
    with pytest.raises(ProtocolError):
        read_response_head(message(b"HTTP/1.1 200 OK", b" X-A: 1"))


@BOUNDED
@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Whatever bytes come, the result is a head or one ProtocolError, never another exception."""
    with contextlib.suppress(ProtocolError):
        read_response_head(data + b"\r\n\r\n")
