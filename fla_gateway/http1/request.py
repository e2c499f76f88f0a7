"""Request heads (RFC 9112, sections 3 and 6).

Owns reading a request line and deriving a request's framing, once. Refuses to know routes, callers and what is
forwarded.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, NoReturn

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.explanations import explain_line, explain_mistake, is_tls, speaks_tls
from fla_gateway.http1.fields import MAX_HEAD, FieldLine, content_length, list_members, value_of
from fla_gateway.http1.grammar import HOST, REQUEST_LINE, STRAY, TOKEN

CHUNKED: Final = -1
"""Framing of a body that is chunked; 0 is no body, any other number its length in bytes."""

LONGEST_TARGET: Final = 61_440
"""Bytes of a request target; of a head that is too large, a longer one is the cause."""

_FRAMING_FIELDS: Final = frozenset(
    (b"content-length", b"transfer-encoding", b"host", b"connection", b"expect", b"content-type", b"max-forwards")
)
_WITH_CONTENT: Final = frozenset((b"POST", b"PUT", b"PATCH"))
_READING: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE"))
# The first byte of a request line, or of a line break or blank that some clients leave behind.
_MAY_FOLLOW: Final = re.compile(TOKEN + rb"|[\t\r\n ]").match
_MOST_FORWARDS: Final = 999_999_999
_MOST_DIGITS: Final = 9


class RequestLine(NamedTuple):
    """The first line of a request.

    Attributes:
        method: as written; methods are case-sensitive.
        target: request target, any of its four forms.
        minor: 0 or 1, of HTTP/1.0 or HTTP/1.1.
    """

    method: bytes
    target: bytes
    minor: int


class RequestFraming(NamedTuple):
    """Everything that the connection needs to know of a request's fields.

    Attributes:
        length: bytes of body, or CHUNKED.
        keep_alive: whether the caller lets the connection be used again.
        expects_continue: whether the caller waits for 100 before it sends the body.
        host: value of Host, None where HTTP/1.0 sent none.
        nominated: lower-case names that Connection nominates as hop-by-hop.
        framed: whether there is Content-Length or Transfer-Encoding; see `lacks_length`.
        typed: whether there is a Content-Type.
        max_forwards: value of Max-Forwards, or None where there is none that can be read.
    """

    length: int
    keep_alive: bool
    expects_continue: bool
    host: bytes | None
    nominated: frozenset[bytes]
    framed: bool = False
    typed: bool = False
    max_forwards: int | None = None


def read_request_line(line: bytes) -> RequestLine:
    """Read a request line with its CRLF.

    Raises:
        ProtocolError: ``malformed-request``, or ``version-unsupported`` for anything but HTTP/1.0 and HTTP/1.1.
    """
    match = REQUEST_LINE(line)
    if match is None:
        raise explain_line(line)
    method, target, major, minor = match.groups()
    if major != b"1" or minor not in (b"0", b"1"):
        raise ProtocolError("version-unsupported", "only HTTP/1.0 and HTTP/1.1 are spoken here")
    return RequestLine(method, target, minor == b"1")


def check_partial_head(data: bytes, seen: int = 0) -> None:
    """Refuse a head that has not ended yet as soon as it cannot become a good one.

    Without this, a caller that ends its lines with a bare line feed would wait for the time-out.

    Args:
        data: all bytes so far.
        seen: how many of them were checked before.

    Raises:
        ProtocolError: ``malformed-request``, ``head-too-large`` or ``uri-too-long``.
    """
    if len(data) > MAX_HEAD:
        _refuse_large(data[:MAX_HEAD])
    if is_tls(data):
        raise speaks_tls()
    stray = STRAY(data, max(0, seen - 1))
    if stray is not None:
        fields = data[data.find(b"\r\n") + 2 : stray.end()] if b"\r\n" in data[: stray.start()] else b""
        raise explain_mistake(fields) or ProtocolError(
            "malformed-request", "a head's lines end with CRLF, and it holds no NUL"
        )


def _refuse_large(head: bytes) -> NoReturn:
    """Say what of a head is too large; a client may change its method for the one, and never does for the other."""
    target = head.partition(b"\r\n")[0].partition(b" ")[2].partition(b" ")[0]
    if len(target) > LONGEST_TARGET:
        # RFC 9112, section 3: "A server that receives a request-target longer than any URI it wishes to parse MUST
        # respond with a 414".
        raise ProtocolError("uri-too-long", "the request target is longer than {most} bytes", most=LONGEST_TARGET)
    raise ProtocolError("head-too-large", "the head is longer than {most} bytes", most=MAX_HEAD)


def lacks_length(method: bytes, *, minor: int, typed: bool, following: bytes) -> bool:
    """Return whether a request without framing fields seems to have a body all the same.

    By RFC 9112, section 6.3 it has none, so that its body would be read as the next request; section 6.3 also lets a
    server refuse such a request with 411.

    Args:
        method: as written.
        minor: HTTP minor version.
        typed: whether it has a Content-Type.
        following: the first byte behind its head, nothing where none has come.
    """
    if method in _WITH_CONTENT and (typed or (not minor and following)):
        return True
    # Some clients write the content of a DELETE behind a head without framing. Without it the API would do something
    # else than was asked for; and no request begins with "{", "[", "<" or a quotation mark.
    return bool(following) and method not in _READING and _MAY_FOLLOW(following) is None


def frame_request(lines: list[FieldLine], minor: int) -> RequestFraming:
    """Derive the framing of a request from its fields (RFC 9112, section 6.3).

    Whatever two readers could read in two ways is refused.

    Raises:
        ProtocolError: ``malformed-request``, ``transfer-coding-unsupported`` or ``expectation-failed``.
    """
    seen: dict[bytes, list[bytes]] = {}
    for name, rest in lines:
        lower = name.lower()
        if lower in _FRAMING_FIELDS:
            seen.setdefault(lower, []).append(value_of(rest))
    connection = list_members(b",".join(seen.get(b"connection", ())))
    length = _body_length(seen, minor)
    return RequestFraming(
        length=length,
        keep_alive=b"close" not in connection and (minor == 1 or b"keep-alive" in connection),
        expects_continue=_expects_continue(seen, minor) and length != 0,
        host=_host(seen, minor),
        nominated=frozenset(connection),
        framed=b"transfer-encoding" in seen or b"content-length" in seen,
        typed=b"content-type" in seen,
        max_forwards=_max_forwards(seen),
    )


def _body_length(seen: dict[bytes, list[bytes]], minor: int) -> int:
    codings = seen.get(b"transfer-encoding")
    lengths = seen.get(b"content-length")
    if codings is not None:
        # RFC 9112, section 6.1: "A server MAY reject a request that contains both"; both are how requests are smuggled.
        if lengths is not None:
            raise ProtocolError("malformed-request", "Content-Length and Transfer-Encoding exclude each other")
        if minor == 0:
            raise ProtocolError("malformed-request", "HTTP/1.0 has no Transfer-Encoding")
        if len(codings) > 1:
            raise ProtocolError("malformed-request", "Transfer-Encoding is there more than once")
        if codings[0].lower() != b"chunked":
            raise ProtocolError("transfer-coding-unsupported", "the only transfer coding accepted is chunked")
        return CHUNKED
    if lengths is None:
        return 0
    length = content_length(lengths[0])
    if length is None or len(lengths) > 1:
        raise ProtocolError("malformed-request", "Content-Length is not one decimal number")
    return length


def _max_forwards(seen: dict[bytes, list[bytes]]) -> int | None:
    # RFC 9110, section 7.6.2: a larger number may be lowered to the most that the recipient supports.
    values = seen.get(b"max-forwards")
    if values is None or len(values) > 1 or not values[0].isdigit():
        return None
    return int(values[0]) if len(values[0]) <= _MOST_DIGITS else _MOST_FORWARDS


def _host(seen: dict[bytes, list[bytes]], minor: int) -> bytes | None:
    # RFC 9112, section 3.2: 400 to any HTTP/1.1 request that lacks Host, and to any with more than one or an invalid
    # one.
    hosts = seen.get(b"host")
    if hosts is None:
        if minor == 0:
            return None
        raise ProtocolError("malformed-request", "the Host field is missing")
    if len(hosts) > 1:
        raise ProtocolError("malformed-request", "the Host field is there more than once")
    if HOST(hosts[0]) is None:
        raise ProtocolError("malformed-request", "the Host field is no host name")
    return hosts[0]


def _expects_continue(seen: dict[bytes, list[bytes]], minor: int) -> bool:
    expectations = seen.get(b"expect")
    # RFC 9110, section 10.1.1: a server that gets 100-continue in HTTP/1.0 must ignore it.
    if expectations is None or minor == 0:
        return False
    # A list, whose empty members count for nothing: libraries send an empty field where 100-continue was switched off.
    members = list_members(b",".join(expectations))
    if any(member != b"100-continue" for member in members):
        raise ProtocolError("expectation-failed", "the only expectation known is 100-continue")
    return bool(members)
