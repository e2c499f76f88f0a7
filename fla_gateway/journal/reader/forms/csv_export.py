"""Rule: exchanges become CSV that a spreadsheet opens without running anything.

Owns the columns and the defence against formulas and control characters. Refuses to know files. RFC 4180: a header,
CRLF, quotes doubled.
"""

from __future__ import annotations

import csv
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from fla_gateway.i18n.message import Text
from fla_gateway.journal.reader.accounts import MEMBERS, Account, Accounts
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
_NO_SETTLEMENT: Final = (None,) * len(_SETTLEMENT)
_ACCOUNT: Final = tuple(f"account_{name}" for name in MEMBERS[2:])

_ABSENT: Final = ("",) * len(_MEMBERS)
_NO_ACCOUNT: Final = ("",) * len(_ACCOUNT)

# New ones come behind all others: readers may know the columns by their numbers.
HEAD: Final = (
    "time", "ended", "outcome", "doubt", *_MEMBERS, *(f"refused_{name}" for name in _ATTEMPT), "trace_again",
    "body", "made", *_SETTLEMENT, *_ACCOUNT,
)  # fmt: skip
"""The header row."""

_EXCEL_HEAD: Final = ("local_time", "local_ended", "meaning")
"""What a sheet for Excel has before the others."""
_END: Final = "\r\n"
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
# Nearly all cells: ASCII that is shown, without a sign that begins a formula or may end a cell.
_ORDINARY: Final = re.compile(r"[!#-*,.-:<>?A-~][ -:<-~]*+")
# Of a row, each cell but the first behind a line break.
_BEGINS_ODDLY: Final = re.compile(r"\n[=+\-@ ]").search
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
    careful, cells = _careful(","), _Cells(accounts)
    yield careful(HEAD)
    for exchange in exchanges:
        row = cells.of(exchange)
        joined = "\n".join([it if it.__class__ is str else _TEXTS[it.__class__](it) for it in row])
        is_ordinary = cells.are_ordinary(exchange, joined) and "," not in joined
        yield joined.replace("\n", ",") + _END if is_ordinary else careful(map(_cell, row))


def excel_rows(
    exchanges: Iterable[Exchange], accounts: Accounts = _NO_ACCOUNTS, shown: Callable[[str], str] = str
) -> Iterator[str]:
    """Write the same as a Belgian Excel opens it: semicolons, a byte order mark, decimal commas, local time.

    Args:
        exchanges: in their order.
        accounts: of the journal.
        shown: says what a word means in the reader's language.
    """
    careful, cells = _careful(";"), _Cells(accounts)
    nothing = shown("")
    meanings = {word: shown(meaning) for word, meaning in MEANINGS.items()}
    written = {word: careful((meaning, "")).removesuffix(_END) for word, meaning in meanings.items()}
    yield _BOM + careful((*_EXCEL_HEAD, *HEAD))
    for exchange in exchanges:
        row, word = cells.of(exchange), exchange.word
        begun, ended = local_without_offset(exchange.time), local_without_offset(_ended(exchange))
        joined = "\n".join(
            [it if it.__class__ is str and not "0" <= it[:1] <= "9" else _EXCEL_TEXTS[it.__class__](it) for it in row]
        )
        if cells.are_ordinary(exchange, joined) and word in written:
            yield f"{begun};{ended};{written[word]}" + joined.replace("\n", ";") + _END
        else:
            yield careful([begun, ended, meanings.get(word, nothing), *map(_excel_cell, map(_cell, row))])


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


class _Cells:
    """The cells of a row.

    Args:
        accounts: of the journal.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._account: Account | None = None
        self._facts = _NO_ACCOUNT
        self._are_facts_ordinary = True
        self._is_settled = False

    def of(self, exchange: Exchange) -> list[Any]:
        """Return the values of an exchange, as they are in the journal."""
        members, settled = exchange.members, exchange.settlement
        self._is_settled = settled is not None
        refused = members.get("refused_attempt")
        attempt = refused if isinstance(refused, dict) else {}
        return [
            exchange.time,
            _ended(exchange),
            exchange.word,
            reason(exchange),
            *map(members.get, _MEMBERS, _ABSENT),
            *map(attempt.get, _ATTEMPT, _ABSENT),
            members.get("trace_again"),
            exchange.body,
            members.get("made"),
            *((settled.result, settled.time, settled.by, settled.uid, settled.note) if settled else _NO_SETTLEMENT),
            *self._facts_of(exchange),
        ]

    def are_ordinary(self, exchange: Exchange, joined: str) -> bool:
        """Whether the texts of a row are harmless as they are, so that one look takes the place of one for each.

        Args:
            exchange: after `of`.
            joined: the texts, one for each line.
        """
        # Without a backslash a line has no sign in its texts but those of printable ASCII, and no quotation mark.
        if self._is_settled or not self._are_facts_ordinary or ";" in joined:
            return False
        for line in (exchange.intent, exchange.outcome):
            if line is not None and (b"\\" in line.raw or b"\x7f" in line.raw):
                return False
        return not _BEGINS_ODDLY(joined)

    def _facts_of(self, exchange: Exchange) -> tuple[str, ...]:
        account = self._accounts.of(exchange)
        if account is not self._account:
            self._account = account
            self._facts = account.facts[2:] if account else _NO_ACCOUNT
            self._are_facts_ordinary = all(not it or _ORDINARY.fullmatch(it) for it in self._facts)
        return self._facts


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


def _careful(delimiter: str) -> Callable[[Iterable[Cell]], str]:
    """Return what writes a row of any cells: `writerow` returns what its file does, which is the text here."""
    return csv.writer(_Echo(), delimiter=delimiter, lineterminator=_END).writerow


class _Echo:
    """A file that gives back what is written."""

    write = str


_ODD: Final = ";"
"""A text that is not ordinary."""
_TEXTS: Final[Mapping[type, Callable[[Any], str]]] = {
    int: str,
    float: repr,
    bool: lambda it: "yes" if it else "no",
    type(None): lambda _: "",
    dict: lambda _: _ODD,
    list: lambda _: _ODD,
}
"""What is not a text as one, by its class in JSON; as `_cell` and the writer of rows have it."""
_EXCEL_TEXTS: Final[Mapping[type, Callable[[Any], Any]]] = {**_TEXTS, str: _excel_cell, float: _excel_cell}
