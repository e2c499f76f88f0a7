"""Field lines: from a block of bytes to pairs, and the few values that the wire itself depends on.

Owns reading a field block. Refuses to know which fields are forwarded.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.grammar import CONTROLS, FIELD_BLOCK, FIELDS, TOKEN

MAX_FIELDS: Final = 100
MAX_HEAD: Final = 65_536
"""Bytes of a head, from its first line to the empty line that ends it."""

# Beyond any body, and within 64 bits.
_MOST_DIGITS: Final = 18
_ZERO: Final = 0x30
_NINE: Final = 0x39

FieldLine = tuple[bytes, bytes]
"""Name as written, and the rest of the line from the colon to its CRLF: forwarding writes both as they came."""


def field_lines(block: bytes) -> list[FieldLine] | None:
    """Take a field block apart, or give None if it is not one (RFC 9112, section 5).

    Args:
        block: everything after the first line, up to and with the empty line.

    Raises:
        ProtocolError: ``head-too-large`` for more than 100 fields.
    """
    return None if FIELD_BLOCK(block) is None else split_block(block)


def split_block(block: bytes) -> list[FieldLine]:
    """Take field lines apart that have matched the grammar already.

    Raises:
        ProtocolError: ``head-too-large`` for more than 100 fields.
    """
    lines: list[FieldLine] = FIELDS(block)
    if len(lines) > MAX_FIELDS:
        raise ProtocolError("head-too-large", "more than {most} fields", most=MAX_FIELDS)
    return lines


# RFC 9112, section 5.1: "A proxy MUST remove any such whitespace from a response message before forwarding".
_ANY_LINE: Final = re.compile(rb"(" + TOKEN + rb"++)[ \t]*+(:(?s:.*))").fullmatch
# RFC 9112, section 5.2: a proxy replaces each obs-fold with one or more SP, or answers 502.
_OBS_FOLD: Final = re.compile(rb"(?<=[^\r\n])\r\n[ \t]++(?=[^\r\n])")
_BLANKS: Final = bytes.maketrans(CONTROLS, b" " * len(CONTROLS))
_BREAKING: Final = re.compile(rb"[\x00\r\n]").search
_HIDDEN_FRAMING: Final = re.compile(rb"(?i)[\r\n][ \t]*+(?:content-length|transfer-encoding)[ \t]*+:").search
_FRAMING: Final = frozenset((b"content-length", b"transfer-encoding", b"connection"))
_FRAMING_LENGTH: Final = frozenset((b"content-length", b"transfer-encoding"))
_DECIDING: Final = _FRAMING | {b"location", b"content-location", b"set-cookie", b"set-cookie2"}
"""What frames, routes or sets cookies: a value of these that is broken is not guessed at."""


def mend_lines(block: bytes) -> tuple[list[FieldLine], bool]:
    """Take the field block of a response apart that does not match the grammar, with the repairs that may be made.

    Space before a colon goes, folded lines are unfolded, and control characters become spaces (RFC 9110, section 5.5).

    Args:
        block: everything after the first line, up to the empty line.

    Returns:
        The lines, and whether the connection may be used again: not after NUL, CR or LF within a value, nor after any
        control character in one that frames.

    Raises:
        ProtocolError: ``malformed-response``, or ``head-too-large`` for more than 100 fields.
    """
    sound, hidden, framed = True, False, False
    lines: list[FieldLine] = []
    raw_lines = _OBS_FOLD.sub(b" ", block).split(b"\r\n")[:-1]
    if len(raw_lines) > MAX_FIELDS:
        raise ProtocolError("head-too-large", "more than {most} fields", most=MAX_FIELDS)
    for raw in raw_lines:
        match = _ANY_LINE(raw)
        if match is None:
            raise ProtocolError("malformed-response", "a field line is malformed")
        name, rest = match.groups()
        lower = name.lower()
        framed = framed or lower in _FRAMING_LENGTH
        plain = rest.translate(_BLANKS)
        if plain != rest:
            broken = _BREAKING(rest) is not None
            if broken and lower in _DECIDING:
                raise ProtocolError(
                    "malformed-response", "NUL, CR or LF within a field that frames, routes or sets cookies"
                )
            hidden = hidden or (broken and _HIDDEN_FRAMING(rest) is not None)
            sound = sound and not broken and lower not in _FRAMING
        lines.append((name, plain + b"\r\n"))
    if hidden and not framed:
        raise ProtocolError("malformed-response", "where the body ends is hidden behind a bare line feed")
    return lines, sound


def value_of(rest: bytes) -> bytes:
    """Give a field's value without the colon and the optional white space around it (RFC 9112, section 5.1)."""
    return rest[1:].strip()  # the grammar lets no other white space in than SP, HTAB and the CRLF


def content_length(value: bytes) -> int | None:
    """Read a Content-Length, or give None where it is not one unsigned decimal number (RFC 9110, section 8.6)."""
    if not 0 < len(value) <= _MOST_DIGITS:
        return None
    length = 0
    for digit in value:
        if not _ZERO <= digit <= _NINE:
            return None
        length = length * 10 + digit - _ZERO
    return length


def list_members(value: bytes) -> list[bytes]:
    """Split a comma-separated list into its lower-case members; empty ones do not count (RFC 9110, section 5.6.1)."""
    return [member for part in value.lower().split(b",") if (member := part.strip(b" \t"))]
