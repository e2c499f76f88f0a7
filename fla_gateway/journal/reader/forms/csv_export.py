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
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from fla_gateway.i18n.message import Text
from fla_gateway.journal.reader.accounts import MEMBERS, Accounts
from fla_gateway.journal.reader.exchange_history import NO_OUTCOME, RUNNING, Exchange
from fla_gateway.journal.reader.forms.local_time import local_without_offset
from fla_gateway.journal.reader.in_doubt import reason

_ATTEMPT: Final = ("status", "token", "trace", "ms")

_MEMBERS: Final = (
    "id", "caller", "proof", "profile", "environment", "method", "path", "rule", "observed", "status", "origin", "code",
    "delivery", "received", "sent", "attempts", "token", "trace_sent", "trace_caller", "trace_received", "reference",
    "ms", "token_ms", "connection_ms", "upstream_ms",
)  # fmt: skip

_SETTLEMENT: Final = ("settled", "settled_at", "settled_by", "settled_uid", "settled_note")
_ACCOUNT: Final = tuple(f"account_{name}" for name in MEMBERS[2:])

# New ones come behind all others: readers may know the columns by their numbers.
HEAD: Final = (
    "time", "ended", "outcome", "doubt", *_MEMBERS, *(f"refused_{name}" for name in _ATTEMPT), "trace_again",
    "body", "made", *_SETTLEMENT, *_ACCOUNT,
)  # fmt: skip
"""The header row."""

_EXCEL_HEAD: Final = ("local_time", "local_ended", "meaning")
"""What a sheet for Excel has before the others."""
_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"

MEANINGS: Final[dict[str, Text]] = {
    "answered": Text("the API answered"),
    "refused": Text("the gateway refused it; nothing was sent"),
    "not-sent": Text("it could not be sent; nothing reached the API"),
    "unknown": Text("it was sent and no answer came: it may have been done"),
    "truncated": Text("the API answered, and the end of its answer is missing"),
    "caller-gone": Text("the program that asked had gone before the answer"),
    RUNNING: Text("it still runs"),
    NO_OUTCOME: Text("it may have been sent, and its end is not on record: it may have been done"),
}
"""What each word of `outcome` means."""

Cell = str | int | float

# A spreadsheet set to semicolons cuts the cell there, and what follows begins a cell of its own.
_BEGINNING: Final = re.compile(r"(?P<before>(?:^|;)[\s\"]*)(?=(?P<sign>[^\s\"]))")
# Nearly all cells: neither a sign that begins a formula nor one that ends a cell.
_ORDINARY: Final = re.compile(r"[0-9A-Za-z_./:~][0-9A-Za-z_./:~ -]*", re.ASCII)
_FORMULA: Final = frozenset("=+-@\N{MINUS SIGN}")
# Excel would take these for a date or a number, and lose leading zeros and all digits behind the fifteenth.
_LIKE_A_NUMBER: Final = re.compile(r"[0-9][0-9.,:/eE +-]*", re.ASCII)
_PLAIN_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)
_NO_ACCOUNTS: Final = Accounts()


def rows(exchanges: Iterable[Exchange], accounts: Accounts = _NO_ACCOUNTS) -> Iterator[str]:
    """Write the header and a row for each exchange, each with its line break.

    Args:
        exchanges: in their order.
        accounts: of the journal.
    """
    yield _row(HEAD)
    for exchange in exchanges:
        yield _row(_cells(exchange, accounts))


def excel_rows(
    exchanges: Iterable[Exchange], accounts: Accounts = _NO_ACCOUNTS, shown: Callable[[str], str] = str
) -> Iterator[str]:
    """Write the same as a Belgian Excel opens it: semicolons, a byte order mark, decimal commas, local time.

    Args:
        exchanges: in their order.
        accounts: of the journal.
        shown: says what a word means in the reader's language.
    """
    yield _BOM + _row((*_EXCEL_HEAD, *HEAD), ";")
    for exchange in exchanges:
        times = (local_without_offset(it) for it in (exchange.time, _ended(exchange)))
        cells = (*times, shown(MEANINGS.get(exchange.word, "")), *map(_excel_cell, _cells(exchange, accounts)))
        yield _row(cells, ";")


def harmless(text: str) -> str:
    """Keep a text from being read as a formula, and show its control characters.

    An apostrophe is put before a sign that begins a formula, also after white space, in its full-width form, and
    after a semicolon; a text that begins with a tab or a line break gets one as well.
    """
    if not text or _ORDINARY.fullmatch(text):
        return text
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


def _ended(exchange: Exchange) -> str:
    return str(exchange.outcome.members["time"]) if exchange.outcome else ""


def _cells(exchange: Exchange, accounts: Accounts) -> Iterator[Cell]:
    yield from map(harmless, (exchange.time, _ended(exchange), exchange.word, reason(exchange)))
    members = exchange.members
    yield from (_cell(members.get(name)) for name in _MEMBERS)
    refused = members.get("refused_attempt")
    attempt = refused if isinstance(refused, dict) else {}
    yield from (_cell(attempt.get(name)) for name in _ATTEMPT)
    yield _cell(members.get("trace_again"))
    yield harmless(exchange.body)
    yield _cell(members.get("made"))
    settled = exchange.settlement
    values = (settled.result, settled.time, settled.by, settled.uid, settled.note) if settled else (None,) * 5
    yield from map(_cell, values)
    account = accounts.of(exchange)
    yield from (harmless(account.text(name)) if account else "" for name in MEMBERS[2:])


def _excel_cell(cell: Cell) -> Cell:
    if isinstance(cell, float):
        return f"{cell:g}".replace(".", ",")
    if isinstance(cell, str) and _LIKE_A_NUMBER.fullmatch(cell) and not _PLAIN_NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value if math.isfinite(value) else harmless(str(value))
    return harmless(value if isinstance(value, str) else json.dumps(value))


def _row(cells: Iterable[Cell], delimiter: str = ",") -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
