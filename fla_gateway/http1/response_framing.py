"""The framing of responses (RFC 9112, section 6.3): where the body ends, and whether the connection lives on.

Owns both, derived once from the fields. Refuses to read a head (`response`), and to know what the answer is for.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import content_length, list_members, value_of
from fla_gateway.http1.request import CHUNKED
from fla_gateway.http1.response import ResponseHead, keep

UNTIL_CLOSE: Final = -2
"""Framing of a body that ends with the connection."""

_FIRST_FINAL: Final = 200
_NO_CONTENT: Final = 204
_NOT_MODIFIED: Final = 304
_MOST_OPTIONS: Final = 64
"""Values of Connection; there are a handful in use."""
_OPTIONS: Final[dict[bytes, ConnectionOptions]] = {}


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
    keep(_OPTIONS, connection, options, _MOST_OPTIONS)
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
