"""Field lines: from a block of bytes to pairs, and the few values that the wire itself depends on.

Owns reading a field block. Refuses to know which fields are forwarded.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.grammar import FIELD_BLOCK, FIELDS

MAX_FIELDS: Final = 100
MAX_HEAD: Final = 65_536
"""Bytes of a head, from its first line to the empty line that ends it."""

# Beyond any body, and within 64 bits.
_MOST_DIGITS: Final = 18

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
        raise ProtocolError("head-too-large", f"more than {MAX_FIELDS} fields")
    return lines


def value_of(rest: bytes) -> bytes:
    """Give a field's value without the colon and the optional white space around it (RFC 9112, section 5.1)."""
    return rest[1:].strip()  # the grammar lets no other white space in than SP, HTAB and the CRLF


def content_length(value: bytes) -> int | None:
    """Read a Content-Length, or give None where it is not one unsigned decimal number (RFC 9110, section 8.6)."""
    return int(value) if value.isdigit() and len(value) <= _MOST_DIGITS else None


def list_members(value: bytes) -> list[bytes]:
    """Split a comma-separated list into its lower-case members; empty ones do not count (RFC 9110, section 5.6.1)."""
    return [member for part in value.lower().split(b",") if (member := part.strip(b" \t"))]
