"""Response heads (RFC 9112, sections 4 and 6), read as strictly as requests but for what real servers do.

Owns reading a status line and field lines, and the repairs that RFC 9112 asks of a proxy. Refuses to know where the
body ends (`response_framing`), and what the answer is for.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import MAX_FIELDS, MAX_HEAD, FieldLine, mend_lines
from fla_gateway.http1.grammar import CONTROLS, EARLY_END, FIELD, RESPONSE_START, STATUS

_BEGINNING: Final = b"HTTP/1."
"""How every response begins; distinguishes a server of another protocol from a slow one."""
_LONGEST_REMEMBERED: Final = 256
_MOST_REMEMBERED: Final = 1_024
"""Lines that are remembered; at most a megabyte."""
_Judged = TypeVar("_Judged")
_STARTS: Final[dict[bytes, StatusLine]] = {}
_LINES: Final[dict[bytes, Any]] = {}
"""Values are `FieldLine`; mypyc takes a tuple apart where it knows its type, and makes another one for the list."""
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
    keep(_STARTS, raw, start)
    return start


def _learn_line(raw: bytes) -> FieldLine | None:
    match = FIELD(raw)
    if match is None:
        return None
    name, value = match.groups()
    line = name, value + b"\r\n"
    # A cookie is a secret between the API and one caller, and does not come again.
    if name.lower() != b"set-cookie":
        keep(_LINES, raw, line)
    return line


def keep(memory: dict[bytes, _Judged], raw: bytes, judged: _Judged, most: int = _MOST_REMEMBERED) -> None:
    """Remember a line. What is full is emptied: most of it came once, and the few that come again are soon back.

    Args:
        memory: what is remembered, by the bytes of each line.
        raw: the line; a long one is not remembered.
        judged: what it was read as.
        most: lines that are remembered.
    """
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
