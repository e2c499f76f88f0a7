"""Rule: exchanges become CSV that a spreadsheet opens without running anything.

Owns the columns and the defence against formulas and control characters. Refuses to know files. RFC 4180: a header,
CRLF, quotes doubled.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.in_doubt import reason

_ATTEMPT: Final = ("status", "token", "trace", "ms")

_MEMBERS: Final = (
    "id", "caller", "proof", "profile", "environment", "method", "path", "rule", "observed", "status", "origin", "code",
    "delivery", "received", "sent", "attempts", "token", "trace_sent", "trace_caller", "trace_received", "reference",
    "ms", "token_ms", "connection_ms", "upstream_ms",
)  # fmt: skip

# Behind all others, since it came later: readers may know the columns by their numbers.
HEAD: Final = ("time", "ended", "outcome", "doubt", *_MEMBERS, *(f"refused_{name}" for name in _ATTEMPT), "trace_again")
"""The header row."""

Cell = str | int | float

# A spreadsheet set to semicolons cuts the cell there, and what follows begins a cell of its own.
_BEGINNING: Final = re.compile(r"(?P<before>(?:^|;)[\s\"]*)(?=(?P<sign>[^\s\"]))")
_FORMULA: Final = frozenset("=+-@\N{MINUS SIGN}")


def rows(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """Write the header and a row for each exchange, each with its line break."""
    yield _row(HEAD)
    for exchange in exchanges:
        yield _row(_cells(exchange))


def harmless(text: str) -> str:
    """Keep a text from being read as a formula, and show its control characters.

    An apostrophe is put before a sign that begins a formula, also after white space, in its full-width form, and
    after a semicolon; a text that begins with a tab or a line break gets one as well.
    """
    guarded = _BEGINNING.sub(_guard, text)
    if text[:1] in {"\t", "\r", "\n"} and guarded == text:
        guarded = f"'{text}"
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in guarded)


def _guard(found: re.Match[str]) -> str:
    sign = found["sign"]
    if unicodedata.normalize("NFKC", sign)[0] not in _FORMULA:
        return found[0]
    before = found["before"]
    # In front of the white space, which some programs take away.
    return f";'{before[1:]}" if before.startswith(";") else f"'{before}"


def _cells(exchange: Exchange) -> Iterator[Cell]:
    ended = exchange.outcome.members["time"] if exchange.outcome else ""
    yield from (harmless(text) for text in (exchange.time, ended, exchange.word, reason(exchange)))
    members = exchange.members
    yield from (_cell(members.get(name)) for name in _MEMBERS)
    refused = members.get("refused_attempt")
    attempt = refused if isinstance(refused, dict) else {}
    yield from (_cell(attempt.get(name)) for name in _ATTEMPT)
    yield _cell(members.get("trace_again"))


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value if math.isfinite(value) else harmless(str(value))
    return harmless(value if isinstance(value, str) else json.dumps(value))


def _row(cells: Iterable[Cell]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
