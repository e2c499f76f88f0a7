"""Rule: why bytes that were refused are no head of a request, in words (pure).

Owns the clauses for the mistakes that programs really make. Refuses to decide anything: the grammar has refused the
head already.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.http1.errors import ProtocolError

# RFC 8446, section 5.1: the type of a record that holds a handshake; in HTTP no request begins with it.
_HANDSHAKE: Final = b"\x16"
_SPLIT_TARGET: Final = re.compile(rb"[!-~]++ /[^\r\n\x00]*+(?<= HTTP/1\.[01])\r\n").fullmatch
_LINES: Final = re.compile(rb"[^\r\n]*+(?:\r?\n|\r)").findall
_CREDENTIAL: Final = re.compile(rb"(?i)(?:proxy-)?authorization[ \t]*+:[ \t]*+(?:basic|bearer)[ \t]").match
_KEY: Final = re.compile(rb"(?i)(?:x-api-key[ \t]*+:|authorization[ \t]*+:[ \t]*+bearer[ \t])").match
_BASE64: Final = re.compile(rb"[ \t]*+[A-Za-z0-9+/_=.-]*+[\r\n]++").fullmatch


def is_tls(data: bytes) -> bool:
    """Return whether a connection begins as TLS does."""
    return data[:1] == _HANDSHAKE


def speaks_tls() -> ProtocolError:
    """Return the error for a connection that begins as TLS does."""
    return ProtocolError("malformed-request", "these bytes are TLS; this address speaks plain HTTP, use http://")


def explain_line(line: bytes) -> ProtocolError:
    """Return why a request line is malformed.

    Args:
        line: with its CRLF.
    """
    if is_tls(line):
        return speaks_tls()
    if _SPLIT_TARGET(line) is not None:
        return ProtocolError(
            "malformed-request",
            "the request target holds a blank or a byte outside ASCII; it must be percent-encoded (RFC 3986)",
        )
    return ProtocolError("malformed-request", "the request line is not 'METHOD target HTTP/1.1'")


def explain_fields(block: bytes) -> ProtocolError:
    """Return why a field block is malformed; in general terms, where it has no known mistake.

    Args:
        block: what follows the request line.
    """
    return explain_mistake(block) or ProtocolError(
        "malformed-request", "a field line is not 'name: value' ended by CRLF"
    )


def explain_mistake(block: bytes) -> ProtocolError | None:
    """Return the known mistake in a field block, or in the beginning of one; None if there is none.

    Args:
        block: what follows the request line.
    """
    previous = b""
    for line in _LINES(block):
        if line == b"\r\n":
            break
        if _CREDENTIAL(previous) and _BASE64(line):
            return _broken_credential(line)
        if line[:1] in (b" ", b"\t"):
            return ProtocolError(
                "malformed-request",
                "a field is folded: its value goes on in a line that begins with a blank, which HTTP/1.1 no longer "
                "permits (RFC 9112, section 5.2); it must be sent in one line",
            )
        if not line.endswith(b"\r\n"):
            if _KEY(line):
                return ProtocolError(
                    "malformed-request",
                    "the key or token of the caller is sent with a line end behind it, as when it is read from a file: "
                    "take blanks and line ends off before it is sent",
                )
            return _broken_credential(line) if _CREDENTIAL(line) else _stray(line)
        previous = line
    return None


def _broken_credential(line: bytes) -> ProtocolError:
    if line.endswith(b"\r\n"):
        return ProtocolError(
            "malformed-request",
            "the value of Authorization is broken over two lines: Base64 of a credential must be written without "
            "line breaks, also at its end (many encoders add one after 76 characters)",
        )
    return ProtocolError(
        "malformed-request",
        "the value of Authorization is broken over two lines, the first of which ends with a bare line feed: Base64 of "
        "a credential must be written without line breaks, also at its end (many encoders add one after 76 characters)",
    )


def _stray(line: bytes) -> ProtocolError:
    if line.endswith(b"\n"):
        return ProtocolError(
            "malformed-request", "a field line ends with a bare line feed; a head's lines end with CRLF"
        )
    return ProtocolError(
        "malformed-request",
        "a field line ends with a carriage return without a line feed; a head's lines end with CRLF",
    )
