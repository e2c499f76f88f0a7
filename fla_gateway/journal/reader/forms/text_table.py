"""Rule: exchanges become rows that a person can read.

Owns the columns and their alignment. Refuses to know the terminal; every text is made printable by who asks, since
reference and trace ids are whatever a caller or an API sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.forms.local_time import local
from fla_gateway.journal.reader.in_doubt import doubt_of, reason
from fla_gateway.journal.reader.settlements import Settled

Column = tuple[str, Callable[[Exchange], str]]

_BLOCK: Final = 500
"""Rows that are gathered to find the widths; later blocks may be wider, never narrower."""
_NOTHING: Final = "-"
_TIMES: Final = frozenset({"time", "settled"})


def _member(name: str) -> Column:
    return name, lambda exchange: exchange.text(name)


def _number(name: str) -> Column:
    return name, lambda exchange: f"{exchange.number(name):g}" if name in exchange.members else ""


_TIME: Final[Column] = ("time", lambda exchange: exchange.time)
_WHAT: Final = (_member("caller"), _member("profile"), _member("method"), _member("path"))

EXCHANGES: Final[tuple[Column, ...]] = (
    _TIME,
    ("outcome", lambda exchange: exchange.word),
    _number("status"),
    *_WHAT,
    _number("ms"),
    _member("reference"),
    _member("id"),
)
"""What `audit show` prints of each exchange."""

DOUBTS: Final[tuple[Column, ...]] = (
    _TIME,
    ("reason", lambda exchange: reason(exchange) or exchange.word),
    _number("status"),
    *_WHAT,
    _member("reference"),
    _member("trace_sent"),
    _member("trace_again"),
    _member("trace_received"),
    _member("id"),
)
"""What `audit show --in-doubt` prints: with what the API, or those who run it, can find it again."""

SETTLEMENTS: Final[tuple[Column, ...]] = (
    _TIME,
    ("doubt", doubt_of),
    ("as", lambda exchange: exchange.settlement.result if exchange.settlement else ""),
    ("settled", lambda exchange: exchange.settlement.time if exchange.settlement else ""),
    ("by", lambda exchange: exchange.settlement.by if exchange.settlement else ""),
    ("uid", lambda exchange: _uid(exchange.settlement)),
    ("note", lambda exchange: exchange.settlement.note if exchange.settlement else ""),
    *_WHAT,
    _member("reference"),
    _member("id"),
)
"""What `audit show --settled` prints of each settlement: the exchange with that one as its last."""


MADE: Final[tuple[Column, ...]] = (
    _TIME,
    ("outcome", lambda exchange: exchange.word),
    _number("status"),
    *_WHAT,
    _member("made"),
    _member("reference"),
    _member("id"),
)
"""What `audit find` prints: a mask is in `made` of the call that made what it names, and in `path` of others."""

BODIES: Final[tuple[Column, ...]] = (
    _TIME,
    ("body", lambda exchange: exchange.body),
    ("outcome", lambda exchange: exchange.word),
    _number("status"),
    *_WHAT,
    _member("reference"),
    _member("id"),
)
"""What `audit show --repeated` prints: equal bodies have the same hash."""

_SHORT: Final[tuple[tuple[str, int, Callable[[Exchange], str]], ...]] = (
    ("time", 19, lambda exchange: exchange.time),
    ("outcome", 10, lambda exchange: exchange.word),
    ("http", 4, _number("status")[1]),
    ("caller", 10, lambda exchange: exchange.text("caller")),
    ("profile", 10, lambda exchange: exchange.text("profile")),
    ("method", 6, lambda exchange: exchange.text("method")),
    ("path", 14, lambda exchange: exchange.text("path")),
    ("reference", 10, lambda exchange: exchange.text("reference")),
    ("id", 8, lambda exchange: exchange.text("id")[:8]),
)
"""What `audit show --short` prints, and in how many columns: with the blanks 99."""


def each_settlement(exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
    """Repeat each exchange for every settlement that it has, in their order: none was taken away by a later one."""
    for exchange in exchanges:
        settlements = exchange.settlements
        for number, settled in enumerate(settlements, start=1):
            yield exchange._replace(settled={settled.request_id: settlements[:number]})


def _uid(settled: Settled | None) -> str:
    return "" if settled is None or settled.uid is None else str(settled.uid)


def in_local_time(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Give columns with their times in local time."""
    return tuple((title, _localized(value) if title in _TIMES else value) for title, value in columns)


def _localized(value: Callable[[Exchange], str]) -> Callable[[Exchange], str]:
    return lambda exchange: local(value(exchange))


def shortened(exchanges: Iterable[Exchange], printable: Callable[[str], str], *, is_local: bool) -> Iterator[str]:
    """Write a head and a row for each exchange within 100 columns; what is longer is cut, a path at its beginning.

    Args:
        exchanges: taken as they come.
        printable: makes a text harmless for a terminal.
        is_local: whether times are local ones.
    """
    is_first = True
    for exchange in exchanges:
        if is_first:
            yield " ".join(title.ljust(width) for title, width, _ in _SHORT).rstrip()
            is_first = False
        time = local(exchange.time)[:19] if is_local else exchange.time[:19].replace("T", " ")
        cells = (time, *(printable(value(exchange)) or _NOTHING for _, _, value in _SHORT[1:]))
        yield " ".join(_cut(cell, title, width) for (title, width, _), cell in zip(_SHORT, cells, strict=True)).rstrip()


def _cut(cell: str, title: str, width: int) -> str:
    if len(cell) > width:
        cell = (
            f"\N{HORIZONTAL ELLIPSIS}{cell[1 - width :]}"
            if title == "path"
            else f"{cell[: width - 1]}\N{HORIZONTAL ELLIPSIS}"
        )
    return cell.ljust(width)


def aligned(
    columns: tuple[Column, ...], exchanges: Iterable[Exchange], printable: Callable[[str], str]
) -> Iterator[str]:
    """Write a head and a row for each exchange; nothing at all where there is none.

    Args:
        columns: `EXCHANGES` or `DOUBTS`.
        exchanges: taken as they come, a block at a time.
        printable: makes a text harmless for a terminal.
    """
    source = iter(exchanges)
    widths = [0] * len(columns)
    head = [[title for title, _ in columns]]
    while block := list(islice(source, _BLOCK)):
        rows = [[printable(value(one)) or _NOTHING for _, value in columns] for one in block]
        rows, head = head + rows, []
        widths = [max(width, *map(len, cells)) for width, cells in zip(widths, zip(*rows, strict=True), strict=True)]
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
