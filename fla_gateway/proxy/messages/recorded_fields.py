"""Rule: what a request carries for the records alone, and what they need of an answer (pure).

Owns which texts may be recorded as they came. Refuses to know where they are recorded: whatever passes here is
printable and bounded, but still the caller's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fla_gateway.access.refusal import Refusal
from fla_gateway.access.traceparent import parse
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.records.exchange_record import Notes

REFERENCE: Final = b"fla-gateway-reference"
LONGEST: Final = 64
"""Characters of a reference, and of a trace id that is recorded; Belgif has 36 for the latter."""

UNRECORDABLE: Final = "(unrecordable)"
"""Recorded in place of a BelGov-Trace-Id that is forwarded as received, but is too long or not printable ASCII."""

_TRACE_ID: Final = re.compile(rb"[!-~]{1,%d}" % LONGEST).fullmatch


def trace_id(value: bytes) -> str:
    """Return a BelGov-Trace-Id as it may be recorded, or `UNRECORDABLE` (Belgif guide, tracing)."""
    return value.decode("ascii") if _TRACE_ID(value) else UNRECORDABLE


def made_by(location: bytes) -> bytes:
    """Return the last segment of the path of a Location, by which a later request asks for what was made; or nothing.

    Args:
        location: as the API wrote it.
    """
    path = location.partition(b"#")[0].partition(b"?")[0]
    _, scheme, rest_of = path.partition(b"://")
    return (rest_of.partition(b"/")[2] if scheme else path).rstrip(b"/").rpartition(b"/")[2]


def read_notes(noted: Iterable[tuple[bytes, bytes]]) -> Notes | Refusal:
    """Read the fields that are kept back for the records.

    Args:
        noted: names in lower case, and values.

    Returns:
        The notes, or a refusal: a reference that is silently lost would be missed on the day it is needed.
    """
    reference = trace = traceparent = ""
    for name, value in noted:
        if name == REFERENCE:
            text = _reference(value)
            if text is None or (reference and text != reference):
                return Refusal(
                    "reference-malformed",
                    Text(
                        "Fla-Gateway-Reference must be one text of at most {most} printable characters (UTF-8).",
                        most=LONGEST,
                    ),
                )
            reference = text
        elif name == b"traceparent":
            traceparent = parse(value)
        else:
            trace = UNRECORDABLE if trace else trace_id(value)
    return Notes(reference, trace, traceparent)


def _reference(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        # What older programs send for "\u00e9"; every byte is a character of it.
        text = value.decode("latin-1")
    return text if len(text) <= LONGEST and text.isprintable() else None
