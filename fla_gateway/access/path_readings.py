"""Rule: how other software may read a path, and whether its readings differ (pure).

Owns the one decoder of paths that are judged, and what makes a path ambiguous. Refuses to change a path: matching and
forwarding stay on the bytes that were sent, and two spellings are never made equal.

Every judgement is made on the path decoded until nothing changes: a server that decodes once more than another one
then sees nothing that was not seen here. A slash, a dot segment or a word never disappears by decoding, so the last
layer shows whatever any layer holds.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from unicodedata import category, normalize
from urllib.parse import unquote_to_bytes

from fla_gateway.i18n.message import Text

MAX_DECODINGS: Final = 8
"""Layers of percent-encoding that are taken off; one more is refused."""
MAX_ENCODED: Final = 512
"""Percent signs of a path: each is looked at once for every layer, and a path is judged before its sender is known."""

# Without these a path has one reading: nothing to decode, no parameters, no second kind of slash.
_SUSPICIOUS: Final = re.compile(rb"[%;\\]|/\.|//").search
# RFC 3629, sections 3 and 10: no code point has two spellings in UTF-8, but a decoder that does not check this takes
# C0 AF for a slash. Refused are the bytes that can begin such a form alone (C0, C1), the forms of three and four bytes
# that are longer than needed, and a first byte without all its continuation bytes, which a careless decoder
# completes with whatever follows.
_OVERLONG: Final = re.compile(
    rb"[\xc0\xc1\xf8-\xfd]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]"
    rb"|[\xc2-\xdf](?![\x80-\xbf])|[\xe0-\xef](?![\x80-\xbf]{2})|[\xf0-\xf7](?![\x80-\xbf]{3})"
).search
# No encoding of RFC 3986, section 2.1; some servers decode it, and the others do not.
_FOUR_DIGITS: Final = re.compile(rb"%[uU][0-9A-Fa-f]{4}").search
# A segment that is "." or "..", for readers that cut it at ";", that take "\" for "/", or that drop blanks around it.
# Searched for: a list of all segments of a long path would cost its sender little and the gateway much.
_BLANKS: Final = rb"[\x01-\x20\x7f]*+"
_DOTS: Final = re.compile(rb"[/\\]%b\.(?:%b\.)?+%b(?:[/\\;]|\Z)" % (_BLANKS, _BLANKS, _BLANKS)).search
# The service that is never forwarded to, alone or with what some file systems drop or add: blanks and dots behind it,
# the number of a short name ("~1"), the name of a stream (":").
_TOKEN_SERVICE: Final = _BLANKS + rb"oauth[\x01-\x20\x7f.+]*+(?:[/\\;:~%]|\Z)"
_ANY_TOKEN_SERVICE: Final = re.compile(rb"[/\\;]" + _TOKEN_SERVICE).search
_SECOND_TOKEN_SERVICE: Final = re.compile(rb"/[^/]*+/" + _TOKEN_SERVICE).match
_FAR_ENOUGH: Final = 64
"""Bytes of a plain path within which its second segment shows whether it is the token service: blanks are not plain."""
_INVISIBLE: Final = frozenset(("Mn", "Me", "Cf"))
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]+")


def decode(path: bytes) -> bytes | None:
    """Remove every layer of percent-encoding; return None if there are more than `MAX_DECODINGS`.

    A percent sign without two digits stays as it is, as in every decoder that does not refuse it, and may get them by
    the next layer: ``%%32%46`` becomes ``%2F``.
    """
    for _ in range(MAX_DECODINGS + 1):
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return path
        path = decoded
    return None


class Readings(NamedTuple):
    """A path as it is judged.

    Attributes:
        path: as written in the request target, without its query.
        plain: whether its bytes show that it has one reading.
        spellings: fully decoded, and in plain characters where that differs; none where it is `plain`, or has more
            layers than are taken off.
    """

    path: bytes
    plain: bool
    spellings: tuple[bytes, ...] = ()

    def below(self, length: int) -> Readings:
        """Return the same for what follows the first `length` bytes, which hold nothing encoded."""
        return Readings(self.path[length:], self.plain, tuple(spelling[length:] for spelling in self.spellings))


def read_path(path: bytes) -> Readings:
    """Read a path in full; one with more than `MAX_ENCODED` percent signs is not decoded."""
    if _SUSPICIOUS(path) is None:
        return Readings(path, plain=True)
    decoded = decode(path) if path.count(b"%") <= MAX_ENCODED else None
    return Readings(path, plain=False, spellings=() if decoded is None else _spellings(decoded))


def fault_of(readings: Readings) -> Text | None:
    """Return why a path is refused wherever it leads, or None."""
    path, plain, spellings = readings
    if plain:
        return None
    if path.startswith(b"//"):
        return Text("The path begins with two slashes.")
    if not spellings:
        if path.count(b"%") > MAX_ENCODED:
            return Text("The path has more than {most} percent signs.", most=MAX_ENCODED)
        return Text("The path is encoded many times over.")
    decoded = spellings[0]
    if b"\0" in decoded:
        return Text("The path holds a NUL.")
    if _is_overlong(decoded):
        return Text("The path holds an overlong or incomplete form of UTF-8.")
    if _FOUR_DIGITS(decoded):
        return Text("The path holds '%u' with four digits, which is no percent-encoding.")
    return Text("The path has a '.' or '..' segment.") if any(map(_DOTS, spellings)) else None


def is_divided_differently(readings: Readings) -> bool:
    """Return whether a reader could find other segments in a path than its bytes show.

    That is so if, decoded, it has a further slash, a backslash, a semicolon or two slashes in a row, also by a
    character that Unicode calls compatible with one of them (a full-width slash).
    """
    path, plain, spellings = readings
    if plain:
        return False
    if not spellings or b"//" in spellings[0]:
        return True
    slashes = path.count(b"/")
    return any(b"\\" in text or b";" in text or text.count(b"/") != slashes for text in spellings)


def may_reach_tokens(readings: Readings) -> bool:
    """Return whether a path could be read to lead to ``/REST/oauth``.

    In a plain path its second segment alone can. Where readers may cut and split in different orders, no part may be
    it: a path that is refused in error costs less than a token that is not the caller's to have.

    Args:
        readings: of a path that begins with ``/REST/``.
    """
    path, plain, spellings = readings
    if plain:
        return _SECOND_TOKEN_SERVICE(path[:_FAR_ENOUGH].lower()) is not None
    return not spellings or any(_ANY_TOKEN_SERVICE(text.lower()) for text in spellings)


def _is_overlong(decoded: bytes) -> bool:
    try:
        decoded.decode()
    except UnicodeDecodeError:
        return _OVERLONG(decoded) is not None
    return False


def _spellings(decoded: bytes) -> tuple[bytes, ...]:
    """Return a decoded path, and where it is not ASCII also what a reader gets that prefers plain characters.

    Full-width and other compatible characters become plain ones, accents and invisible characters are dropped, and so
    are bytes that are no UTF-8. What was written with a full-width percent sign is decoded then.
    """
    if decoded.isascii():
        return (decoded,)
    plain = _BEYOND_ASCII.sub(_plain, decoded.decode(errors="ignore")).encode()
    return decoded, decode(plain) or plain


def _plain(match: re.Match[str]) -> str:
    return "".join(map(_plain_character, normalize("NFKD", match[0]).casefold()))


def _plain_character(character: str) -> str:
    if character.isascii():
        return character
    kind = category(character)
    return " " if kind[0] == "Z" else "" if kind in _INVISIBLE else "?"
