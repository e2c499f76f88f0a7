"""Textual encodings of keys and certificates (RFC 7468), and the ways in which people damage them.

Owns the repair of what copying, shells, Windows and secret stores do to a PEM file, and its split into blocks. Refuses
to know what a block means and where the bytes came from: everything here is a pure function over bytes.
"""

from __future__ import annotations

import binascii
import codecs
import re
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_HEADERS: Final = re.compile(rb"\s*((?:[A-Za-z0-9-]+: [^\n]*\n)+)\s*(.*)", re.DOTALL)
"""Header lines of the older form (RFC 1421), as in `Proc-Type: 4,ENCRYPTED`."""
_BOUNDARY: Final = b"-----BEGIN "
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_WRAP: Final = 64


@dataclass(frozen=True, slots=True, repr=False)
class Block:
    """One textual encoding: what stands between two boundaries.

    Attributes:
        label: the words between ``BEGIN`` and the dashes.
        headers: header lines of the older form, each with its line feed, or nothing.
        der: the decoded content, or None if it is no base64.
    """

    label: str
    headers: bytes
    der: bytes | None

    def text(self) -> bytes:
        """Write the block anew, in the one form that every reader takes."""
        encoded = binascii.b2a_base64(self.der or b"", newline=False)
        lines = b"".join(encoded[at : at + _WRAP] + b"\n" for at in range(0, len(encoded), _WRAP))
        headers = self.headers + b"\n" if self.headers else b""
        label = self.label.encode()
        return b"-----BEGIN " + label + b"-----\n" + headers + lines + b"-----END " + label + b"-----\n"


def repaired(raw: bytes) -> bytes:
    r"""Undo what happens to key files on their way; what is no text comes back as it is.

    Undone are: UTF-16 and byte order marks (Windows), quotes around the whole and a literal ``\n`` for each line break
    (environment variables, JSON, YAML), CRLF, and a second base64 over the whole file (secret stores).
    """
    text = _decoded(raw)
    stripped = text.strip(b" \t\r\n\0'\"")
    if _BOUNDARY in stripped:
        return stripped.replace(b"\\r", b"").replace(b"\\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    inner = _base64(stripped) if _BASE64.fullmatch(stripped) else None
    if inner is not None and (_BOUNDARY in _decoded(inner) or inner.startswith(b"\x30")):
        return repaired(inner)
    return raw


def blocks(text: bytes) -> tuple[Block, ...]:
    """Split repaired text into its blocks; text between them (such as bag attributes) does not count."""
    return tuple(_block(match[1].decode(), match[2]) for match in _BLOCK.finditer(text))


def is_cut_off(text: bytes) -> bool:
    """Whether a block begins that does not end."""
    return text.count(_BOUNDARY) > len(_BLOCK.findall(text))


def _block(label: str, content: bytes) -> Block:
    headed = _HEADERS.fullmatch(content)
    headers, body = (headed[1], headed[2]) if headed else (b"", content)
    return Block(label, headers, _base64(body))


def _decoded(raw: bytes) -> bytes:
    """Turn UTF-16 into ASCII and drop a byte order mark."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace").encode("ascii", "replace")
    for encoding in ("utf-16-le", "utf-16-be"):
        if _BOUNDARY.decode().encode(encoding) in raw:
            return raw.decode(encoding, "replace").encode("ascii", "replace")
    return raw.removeprefix(codecs.BOM_UTF8)


def _base64(text: bytes) -> bytes | None:
    compact = b"".join(text.split())
    try:
        return binascii.a2b_base64(compact, strict_mode=True)
    except binascii.Error:
        return None
