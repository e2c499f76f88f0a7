"""Textual encodings of keys and certificates (RFC 7468), and the ways in which people damage them.

Owns the repair of what copying, shells, Windows and secret stores do to a PEM file, and its split into blocks. Refuses
to know what a block means and where the bytes came from: everything here is a pure function over bytes.
"""

from __future__ import annotations

import binascii
import codecs
import re
from typing import Final

from fla_gateway.lean_dataclass import dataclass

_BOUNDARY_LINE: Final = re.compile(rb"-----(BEGIN|END) ([A-Za-z0-9.# ]+)-----")
_HEADERS: Final = re.compile(rb"\s*((?:[A-Za-z0-9-]+: ?[^\n]*\n(?:[ \t]+[^\s][^\n]*\n)*)+)\s*(.*)", re.DOTALL)
"""Header lines of the older form (RFC 1421), as in `Proc-Type: 4,ENCRYPTED`, folded ones included."""
_HEADERS_ON_ONE_LINE: Final = re.compile(
    rb"\s*(Proc-Type: ?4,ENCRYPTED)\s+(DEK-Info: ?[A-Za-z0-9-]+,[0-9A-Fa-f]+)\s+(.*)", re.DOTALL
)
BOUNDARY: Final = b"-----BEGIN "
_WIDE: Final = tuple((name, BOUNDARY.decode().encode(name)) for name in ("utf-16-le", "utf-16-be"))
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_WRAP: Final = 64
_ESCAPES: Final = (
    (b"\\", re.compile(rb"\\+r"), b""),
    (b"\\", re.compile(rb"\\+n"), b"\n"),  # JSON and shells, once or twice over
    (b"\\", re.compile(rb"\\+/"), b"/"),  # PHP's json_encode
    (b"\\", re.compile(rb"\\+u003d", re.IGNORECASE), b"="),  # Gson, for the sake of HTML
    (b"\\", re.compile(rb"\\+u002b", re.IGNORECASE), b"+"),  # .NET's System.Text.Json
    (b"\r", re.compile(rb"\r\n?"), b"\n"),
    (b"\xc2\xa0", re.compile(rb"\xc2\xa0"), b" "),  # blanks of web pages
    (b"\xe2\x80\x8b", re.compile(rb"\xe2\x80\x8b"), b" "),
    (b"\xef\xbb\xbf", re.compile(rb"\xef\xbb\xbf"), b" "),  # marks of joined files
)
"""How the characters of a PEM file are written in other texts, and what they mean, in the order of undoing; before
each, bytes without which it is not there: an ordinary file has none, and a search for bytes takes next to no time."""


@dataclass(frozen=True, slots=True, repr=False)
class Block:
    """One textual encoding: what is between two boundaries.

    Attributes:
        label: the words between ``BEGIN`` and the dashes.
        headers: header lines of the older form, each with its line feed, or nothing.
        der: the decoded content, or None if it is no base64.
        cut_off: whether it begins and does not end.
    """

    label: str
    headers: bytes
    der: bytes | None
    cut_off: bool = False

    def text(self) -> bytes:
        """Write the block anew, in the one form that every reader takes."""
        encoded = binascii.b2a_base64(self.der or b"", newline=False)
        lines = b"".join(encoded[at : at + _WRAP] + b"\n" for at in range(0, len(encoded), _WRAP))
        headers = self.headers + b"\n" if self.headers else b""
        label = self.label.encode()
        return b"-----BEGIN " + label + b"-----\n" + headers + lines + b"-----END " + label + b"-----\n"


def repaired(raw: bytes, layers: int = 3) -> bytes:
    r"""Undo what happens to key files on their way; what is no text comes back as it is.

    Undone are: UTF-16 and byte order marks (Windows), quotes around the whole and a literal ``\n`` for each line break
    (environment variables, JSON, YAML), further escapes of JSON, CRLF, and further base64 over the whole file (secret
    stores).

    Args:
        raw: the bytes of the file.
        layers: of base64 that are taken off at most.
    """
    text = decoded(raw)
    stripped = text.strip(b" \t\r\n\0'\"")
    if BOUNDARY in stripped:
        for mark, written, meant in _ESCAPES:
            if mark in stripped:
                stripped = written.sub(meant, stripped)
        return stripped
    inner = _base64(stripped) if _BASE64.fullmatch(stripped) else None
    if inner is None or layers == 0:
        return raw
    if inner.startswith(b"\x30"):
        return inner
    unwrapped = repaired(inner, layers - 1)
    return raw if unwrapped is inner else unwrapped


def blocks(text: bytes) -> tuple[Block, ...]:
    """Split repaired text into its blocks; text between them (such as bag attributes) does not count.

    The words after ``END`` are not compared: what a block is, its content says. A block that begins and does not end
    is among them, without content.
    """
    found: list[Block] = []
    begun: re.Match[bytes] | None = None
    for boundary in _BOUNDARY_LINE.finditer(text):
        if boundary[1] == b"BEGIN":
            if begun is not None:
                found.append(_cut_off(begun))
            begun = boundary
        elif begun is not None:
            found.append(_block(begun[2].decode(), text[begun.end() : boundary.start()]))
            begun = None
    if begun is not None:
        found.append(_cut_off(begun))
    return tuple(found)


def is_cut_off(text: bytes) -> bool:
    """Whether a block begins that does not end, be it in the middle of its first line."""
    return text.count(BOUNDARY) > sum(not block.cut_off for block in blocks(text))


def _cut_off(begun: re.Match[bytes]) -> Block:
    return Block(begun[2].decode(), b"", None, cut_off=True)


def _block(label: str, content: bytes) -> Block:
    if (one_line := _HEADERS_ON_ONE_LINE.fullmatch(content)) is not None:
        return Block(label, one_line[1] + b"\n" + one_line[2] + b"\n", _base64(one_line[3]))
    headed = _HEADERS.fullmatch(content)
    headers, body = (headed[1], headed[2]) if headed else (b"", content)
    return Block(label, headers, _base64(body))


def decoded(raw: bytes) -> bytes:
    """Turn UTF-16 into ASCII and drop a byte order mark."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace").encode("ascii", "replace")
    for encoding, mark in _WIDE:
        # At an odd place, the octets of one order look like those of the other.
        if mark in raw and any(found.start() % 2 == 0 for found in re.finditer(re.escape(mark), raw)):
            return raw.decode(encoding, "replace").encode("ascii", "replace")
    return raw.removeprefix(codecs.BOM_UTF8)


def _base64(text: bytes) -> bytes | None:
    compact = b"".join(text.split())
    # Some tools and copies drop the padding at the end; how much was there, the length says.
    compact += b"=" * (-len(compact) % 4)
    try:
        return binascii.a2b_base64(compact, strict_mode=True)
    except binascii.Error:
        return None
