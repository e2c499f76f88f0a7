"""Rule: exchanges become rows that a person can read.

Owns the columns and their alignment. Refuses to know the terminal; every text is made printable by who asks, since
reference and trace ids are whatever a caller or an API sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.in_doubt import doubt_of, reason
from fla_gateway.journal.reader.settlements import Settled

Column = tuple[str, Callable[[Exchange], str]]

_BLOCK: Final = 500
"""Rows that are gathered to find the widths; later blocks may be wider, never narrower."""
_NOTHING: Final = "-"


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


def each_settlement(exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
    """Repeat each exchange for every settlement that it has, in their order: none was taken away by a later one."""
    for exchange in exchanges:
        for number in range(1, len(exchange.settlements) + 1):
            yield exchange._replace(settlements=exchange.settlements[:number])


def _uid(settled: Settled | None) -> str:
    return "" if settled is None or settled.uid is None else str(settled.uid)


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
