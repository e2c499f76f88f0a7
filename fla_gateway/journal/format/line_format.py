"""Rule: what a line of the journal is.

Owns the format: JSON Lines in ASCII, each line with the hash of the one before. Refuses to know files, clocks and when
a line is written; `writer.entry_encoder` writes lines, since that has to be fast.

A line is a JSON object without line breaks. Its first members are ``prev`` (hash of the line before, over its bytes
without the line break), ``seq`` (1, 2, 3 ... over all segments), ``time`` (UTC, milliseconds) and ``record`` (its
kind); the others depend on the kind. The hash of the last line is the head of the journal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from fla_gateway.errors import JournalError
from fla_gateway.i18n.message import Text

_MOST_DIGITS: Final = 18
"""Digits of an integer, its sign included: within 64 bits."""

NO_HASH: Final = "0" * 64
"""``prev`` of the very first line."""

SEGMENT: Final = "segment"
"""First line of each segment: ``segment`` (number), ``version`` of the program."""
START: Final = "start"
"""A process begins to write: ``run`` (id of this run), ``version``, ``configuration`` (fingerprint)."""
CONFIGURATION: Final = "configuration"
"""Another configuration has taken over: ``run``, ``configuration`` (fingerprint)."""
STOP: Final = "stop"
"""A process ends in good order: ``run``, ``open`` (exchanges that were still without outcome)."""
INTENT: Final = "intent"
"""A changing request is about to be sent."""
OUTCOME: Final = "outcome"
"""An exchange is over."""
STRANGERS: Final = "strangers"
"""Refusals of unauthenticated clients, added up: ``since``, ``counts`` (problem code -> number)."""
REPAIR: Final = "repair"
"""A torn last line was cut off: ``segment`` (number), ``bytes``, ``sha256`` of them."""
LOST: Final = "lost"
"""The journal could not be written, or not synced, for a while: ``since``, ``intents``, ``outcomes`` (numbers that were
lost; the others were written late), ``reason`` (the system's words)."""
RETENTION: Final = "retention"
"""Old segments were removed: ``segments`` (list of ``segment``, ``first_seq``, ``last_seq``, ``head``)."""

SETTLED: Final = "settled"
"""A doubt was ended by a person: ``id`` of the request, ``as`` (one of `SETTLEMENTS`), ``note``, ``by``, ``uid``."""
ACCOUNT: Final = "account"
"""As which client a profile acts from now on: ``profile``, ``environment``, ``api`` (host), ``client_id``,
``certificate`` (SHA-256 of its DER), ``certificate_end``."""

SETTLEMENTS: Final = ("done", "not-done", "sent-again")
"""What became of a request whose outcome was in doubt."""


class Line(NamedTuple):
    """One line, read.

    Attributes:
        raw: its bytes, without the line break.
        members: its members.
    """

    raw: bytes
    members: Mapping[str, Any]


def head_of(raw: bytes) -> str:
    """Give the hash of a line, in hexadecimal digits.

    Args:
        raw: its bytes, without the line break.
    """
    return sha256(raw).hexdigest()


def read(raw: bytes) -> Line:
    """Read a line.

    Args:
        raw: its bytes, without the line break.

    Raises:
        JournalError: it is no line of a journal.
    """
    try:
        members = _decoded(raw.decode("ascii"))
    except ValueError:
        raise JournalError(Text("the line is no JSON")) from None
    except RecursionError:
        raise JournalError(Text("the line is nested too deeply")) from None
    if not (isinstance(members, dict) and isinstance(members.get("seq"), int)) or not (
        isinstance(members.get("prev"), str)
        and isinstance(members.get("time"), str)
        and isinstance(members.get("record"), str)
    ):
        raise JournalError(Text("the line lacks prev, seq, time or record"))
    return Line(raw, members)


def _integer(digits: str) -> int:
    """Read an integer as long as a writer makes one; a longer one could be neither counted on from nor shown."""
    if len(digits) > _MOST_DIGITS:
        raise JournalError(Text("the line has a number with too many digits"))
    return int(digits)


_DECODER: Final = json.JSONDecoder(parse_int=_integer)
"""Made once: one for each line would take longer than the line."""


def _decoded(text: str) -> Any:
    # What a decoder does beside this is to look for spaces around, which no writer makes.
    if text.startswith("{"):
        members, end = _DECODER.raw_decode(text)
        if end == len(text):
            return members
    return _DECODER.decode(text)
