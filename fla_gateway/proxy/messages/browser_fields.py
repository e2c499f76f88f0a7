"""Rule: which responses of the API a browser could run, and the fields that keep it from doing so (pure).

Owns the types of documents that can hold scripts, and what a navigation is. Refuses to look into bodies. An address of
the gateway is one origin for all that the API sends, its error pages and uploaded documents included.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.access.bounded_cache import remember
from fla_gateway.http1.fields import value_of
from fla_gateway.http1.grammar import TOKEN

_TYPE: Final = re.compile(TOKEN + b"++/" + TOKEN + b"++").fullmatch
# WHATWG MIME Sniffing, sections 4.6 and 7: HTML, XML, and those for which a browser looks at the body itself. Parts of
# multipart/x-mixed-replace are documents of any type.
_DOCUMENTS: Final = frozenset((
    b"text/html", b"text/xml", b"application/xml", b"text/xsl", b"multipart/x-mixed-replace",
    b"unknown/unknown", b"application/unknown", b"*/*",
))  # fmt: skip
_SNIFFING: Final = b"x-content-type-options"
_LONGEST_REMEMBERED: Final = 128
_MOST_REMEMBERED: Final = 64
_JUDGED: Final[dict[bytes, bool]] = {}
_LONGEST_READ: Final = 1_024

OWN: Final = (
    b"X-Content-Type-Options", b": nosniff\r\n",
    b"Content-Security-Policy", b": sandbox; default-src 'none'\r\n",
)  # fmt: skip
"""Names and rests alternate. Browsers enforce each Content-Security-Policy, so the API's own stays beside this one."""


_NAVIGATION: Final = re.compile(rb"(?i)(?:^|\n)sec-fetch-mode:[ \t]*navigate[ \t]*\r\n").search


def is_navigation(fields: bytes) -> bool:
    """Return whether a browser shows the answer to its user (Fetch Metadata: Sec-Fetch-Mode).

    Args:
        fields: end-to-end field lines of a request.
    """
    return _NAVIGATION(fields) is not None


def could_run(rest: bytes) -> bool:
    """Return whether a browser could run a document of this type: HTML, XHTML, XML, SVG, or no type that it knows.

    Args:
        rest: of a Content-Type field, from the colon on.
    """
    known = _JUDGED.get(rest)
    if known is not None:
        return known
    if len(rest) > _LONGEST_READ:
        # Types are short; 64 KB of them are not worth the time that it takes to check each.
        return True
    # Several types joined by commas: readers differ in which one they take.
    runs = any(_is_document(member) for member in value_of(rest).lower().split(b","))
    if len(rest) <= _LONGEST_REMEMBERED:
        remember(_JUDGED, rest, runs, _MOST_REMEMBERED)
    return runs


def _is_document(member: bytes) -> bool:
    kind = member.partition(b";")[0].strip(b" \t")
    return kind in _DOCUMENTS or kind.endswith(b"+xml") or _TYPE(kind) is None


def restrain(fields: list[bytes]) -> list[bytes]:
    """Add the gateway's own fields to those of a response that a browser could run.

    Args:
        fields: names and rests in turns.
    """
    pairs = zip(fields[::2], fields[1::2], strict=True)
    # Of several lines of this one, browsers look at the first.
    kept = [part for name, rest in pairs if name.lower() != _SNIFFING for part in (name, rest)]
    return [*kept, *OWN]
