"""Response heads (RFC 9112, sections 4 and 6), read as strictly as requests but for what real servers do.

Owns reading a status line and a response's framing, and the repairs that RFC 9112 asks of a proxy. Refuses to know what
the answer is for.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import (
    MAX_FIELDS,
    MAX_HEAD,
    FieldLine,
    content_length,
    list_members,
    mend_lines,
    value_of,
)
from fla_gateway.http1.grammar import CONTROLS, EARLY_END, FIELD, RESPONSE_START, STATUS
from fla_gateway.http1.request import CHUNKED

_LONGEST_REMEMBERED: Final = 256
UNTIL_CLOSE: Final = -2
"""Framing of a body that ends with the connection."""

_BEGINNING: Final = b"HTTP/1."
"""How every response begins; distinguishes a server of another protocol from a slow one."""
_FIRST_FINAL: Final = 200
_NO_CONTENT: Final = 204
_NOT_MODIFIED: Final = 304

_MOST_REMEMBERED: Final = 1_024
"""Lines that are remembered; at most a megabyte."""
_MOST_OPTIONS: Final = 64
"""Values of Connection; there are a handful in use."""
_Judged = TypeVar("_Judged")
_STARTS: Final[dict[bytes, StatusLine]] = {}
_LINES: Final[dict[bytes, Any]] = {}
"""Values are `FieldLine`; mypyc takes a tuple apart where it knows its type, and makes another one for the list."""
_OPTIONS: Final[dict[bytes, ConnectionOptions]] = {}
_END: Final = b"\r\n\r\n"

_BLANKS: Final = bytes.maketrans(CONTROLS, b" " * len(CONTROLS))


class StatusLine:
    """A status line, taken apart. Nothing is changed once it is made.

    Attributes:
        status: three digits as bytes.
        code: the same as a number.
        reason: reason phrase, possibly empty.
        minor: 0 or 1, of HTTP/1.0 or HTTP/1.1.
        forwarded: the line as a gateway that speaks HTTP/1.1 passes it on.
    """

    __slots__ = ("code", "forwarded", "minor", "reason", "status")

    def __init__(self, minor: bytes, status: bytes, reason: bytes) -> None:
        self.status = status
        self.code = int(status)
        self.reason = reason
        self.minor = int(minor == b"1")
        self.forwarded = b"HTTP/1.1 %b %b\r\n" % (status, reason)


class ResponseHead:
    """A response head, taken apart. Nothing is changed once it is made, either.

    Attributes:
        start: the status line; `status`, `code`, `reason` and `minor` are its own.
        lines: field lines, repaired where that was needed.
        sound: whether the connection may be used again after what was repaired.
    """

    __slots__ = ("code", "lines", "minor", "reason", "sound", "start", "status")

    def __init__(self, start: StatusLine, lines: list[FieldLine], *, sound: bool = True) -> None:
        self.start = start
        self.status = start.status
        self.code = start.code
        self.reason = start.reason
        self.minor = start.minor
        self.lines = lines
        self.sound = sound


class ConnectionOptions:
    """A value of Connection (RFC 9110, section 7.6.1). Nothing is changed once it is made.

    Attributes:
        close: whether the connection ends with this message.
        keep_alive: whether it lives on, for HTTP/1.0.
        nominated: names in lower case of the fields that are hop-by-hop.
    """

    __slots__ = ("close", "keep_alive", "nominated")

    def __init__(self, value: bytes) -> None:
        options = frozenset(list_members(value))
        self.close = b"close" in options
        self.keep_alive = b"keep-alive" in options
        self.nominated = options - {b"close", b"keep-alive"}


_NO_OPTIONS: Final = ConnectionOptions(b"")


class ResponseFraming:
    """How the body ends, and whether the connection lives on. Nothing is changed once it is made.

    Attributes:
        length: bytes of body that follow, CHUNKED or UNTIL_CLOSE.
        announced: what the fields say of the length, also where no body follows, as after HEAD.
        persistent: whether the server lets the connection be used again.
        nominated: names in lower case that Connection nominates as hop-by-hop; its own options are none.
    """

    __slots__ = ("announced", "length", "nominated", "persistent")  # fmt: skip

    def __init__(
        self,
        length: int,
        announced: int,
        *,
        persistent: bool,
        nominated: frozenset[bytes],
    ) -> None:
        self.length = length
        self.announced = announced
        self.persistent = persistent
        self.nominated = nominated


def read_response_head(head: bytes) -> ResponseHead:
    """Read a whole response head, the empty line included.

    Raises:
        ProtocolError: ``malformed-response``, or ``head-too-large`` for too many fields.
    """
    regular = _read_lines(head[: -len(_END)]) if head.endswith(_END) else None
    return _read_odd(head) if regular is None else regular


def read_ended_head(head: bytes) -> ResponseHead:
    """Read a whole response head of which the end, two line breaks, has been cut off.

    Raises:
        ProtocolError: as `read_response_head`.
    """
    regular = _read_lines(head)
    return _read_odd(head + _END) if regular is None else regular


def _read_odd(head: bytes) -> ResponseHead:
    """Read a head that is not, or may not be, as the grammar has it."""
    match = RESPONSE_START(head)
    if match is None:
        raise ProtocolError("malformed-response", "the status line is not 'HTTP/1.1 200 reason'")
    if EARLY_END(head) is not None:
        raise ProtocolError("malformed-response", "a bare line feed leaves open where the head ends")
    minor, status, reason, block = match.groups(b"")
    lines, sound = mend_lines(block)
    return ResponseHead(StatusLine(minor, status, reason.translate(_BLANKS)), lines, sound=sound)


def _read_lines(head: bytes) -> ResponseHead | None:
    """Read a head all of whose lines match the grammar; None for another one, or one with too many fields.

    The lines of a server's responses are the same again and again, but for a few: each is judged once, and then found
    by its bytes. A line that matches holds neither CR nor LF, so that a head is good where each of its lines is.
    """
    raw = head.split(b"\r\n")
    if len(raw) > MAX_FIELDS + 1:
        return None
    start = _STARTS.get(raw[0])
    if start is None:
        start = _learn_start(raw[0])
        if start is None:
            return None
    lines: list[Any] = []
    for one in raw[1:]:
        line = _LINES.get(one)
        if line is None:
            line = _learn_line(one)
            if line is None:
                return None
        lines.append(line)
    return ResponseHead(start, lines)


def _learn_start(raw: bytes) -> StatusLine | None:
    match = STATUS(raw)
    if match is None:
        return None
    minor, status, reason = match.groups(b"")
    start = StatusLine(minor, status, reason)
    _keep(_STARTS, raw, start)
    return start


def _learn_line(raw: bytes) -> FieldLine | None:
    match = FIELD(raw)
    if match is None:
        return None
    name, value = match.groups()
    line = name, value + b"\r\n"
    # A cookie is a secret between the API and one caller, and does not come again.
    if name.lower() != b"set-cookie":
        _keep(_LINES, raw, line)
    return line


def _keep(memory: dict[bytes, _Judged], raw: bytes, judged: _Judged, most: int = _MOST_REMEMBERED) -> None:
    """Remember a line. What is full is emptied: most of it came once, and the few that come again are soon back."""
    if len(raw) <= _LONGEST_REMEMBERED:
        if len(memory) >= most:
            memory.clear()
        memory[raw] = judged


def check_partial_response(data: bytes, seen: int = 0) -> None:
    """Refuse a head that has not ended yet as soon as it cannot become a good one.

    Args:
        data: all bytes so far.
        seen: how many of them were checked before.

    Raises:
        ProtocolError: ``malformed-response`` or ``head-too-large``.
    """
    if len(data) > MAX_HEAD:
        raise ProtocolError("head-too-large", "the head is longer than {most} bytes", most=MAX_HEAD)
    if not data.startswith(_BEGINNING[: len(data)]):
        raise ProtocolError("malformed-response", "it does not begin as a response of HTTP/1.1 does")
    line_end = data.find(b"\n")
    if (line_end > 0 and data[line_end - 1 : line_end] != b"\r") or EARLY_END(data, max(seen - 3, 0)) is not None:
        raise ProtocolError("malformed-response", "its lines end with bare line feeds")


def frame_response(
    codings: bytes | None,
    lengths: bytes | None,
    connection: bytes | None,
    *,
    status: int,
    minor: int,
    to_head: bool,
    sound: bool = True,
) -> ResponseFraming:
    """Derive the framing of a response (RFC 9112, section 6.3).

    Args:
        codings: value of Transfer-Encoding, several joined with commas (RFC 9110, section 5.3); None without one.
        lengths: of Content-Length, likewise.
        connection: of Connection, likewise.
        status: status code, also of an interim response.
        minor: HTTP minor version of the response.
        to_head: whether the request was a HEAD.
        sound: as in `ResponseHead`.

    Raises:
        ProtocolError: ``malformed-response`` wherever two readers could see two different ends.
    """
    options = _NO_OPTIONS if connection is None else _OPTIONS.get(connection) or _learn_options(connection)
    nominated = options.nominated
    # RFC 9112, section 9.3
    persistent = sound and not options.close and (minor == 1 or options.keep_alive)
    if status < _FIRST_FINAL or status == _NO_CONTENT:
        # RFC 9112, section 6.3: it ends with its head, whatever the fields say. A server that sends them although it
        # may not (section 6.1; RFC 9110, section 8.6) may also send what they announce.
        late = codings is not None or (lengths is not None and content_length(lengths) != 0)
        return ResponseFraming(0, UNTIL_CLOSE, persistent=persistent and not late, nominated=nominated)
    announced = _announced_length(codings, lengths, minor)
    if to_head or status == _NOT_MODIFIED:
        # A length is that of what is not sent. A coding is permitted as well (RFC 9112, section 6.1), but servers that
        # write it tend to write a last chunk, too.
        return ResponseFraming(0, announced, persistent=persistent and codings is None, nominated=nominated)
    persistent = persistent and announced != UNTIL_CLOSE
    return ResponseFraming(announced, announced, persistent=persistent, nominated=nominated)


def persists_after(head: ResponseHead) -> bool:
    """Return whether an interim response leaves the connection as it was: it says nothing of a body or of an end.

    Args:
        head: of a response with a status below 200.
    """
    seen: dict[bytes, list[bytes]] = {}
    for name, rest in head.lines:
        seen.setdefault(name.lower(), []).append(value_of(rest))
    codings, lengths, connection = (
        b", ".join(seen[name]) if name in seen else None
        for name in (b"transfer-encoding", b"content-length", b"connection")
    )
    framing = frame_response(
        codings, lengths, connection, status=head.code, minor=head.minor, to_head=False, sound=head.sound
    )
    return framing.persistent


def _learn_options(connection: bytes) -> ConnectionOptions:
    options = ConnectionOptions(connection)
    _keep(_OPTIONS, connection, options, _MOST_OPTIONS)
    return options


def _announced_length(codings: bytes | None, lengths: bytes | None, minor: int) -> int:
    if codings is not None:
        if lengths is not None:
            raise ProtocolError("malformed-response", "Content-Length and Transfer-Encoding exclude each other")
        if minor == 0:
            raise ProtocolError("malformed-response", "HTTP/1.0 has no Transfer-Encoding")
        if codings.lower() != b"chunked":
            raise ProtocolError("malformed-response", "the only transfer coding accepted is chunked, once")
        return CHUNKED
    if lengths is None:
        return UNTIL_CLOSE
    length = content_length(lengths)
    if length is None and b"," in lengths:
        # RFC 9112, section 6.3: repeated, identical values may be taken as one; in one line or in several.
        members = list_members(lengths)
        length = content_length(members[0]) if len(set(members)) == 1 else None
    if length is None:
        raise ProtocolError("malformed-response", "Content-Length is not one decimal number")
    return length
