"""Adapter: which exchanges carried the same body to the same place within a day.

Owns the comparison, outside memory: what may be a repetition goes into a temporary database, which is in memory while
it is small and in a file without a name beyond. Refuses to judge whether it was meant: two equal bodies may be right.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Final

from fla_gateway.journal.format.line_format import read
from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.segments.body_index import no_room
from fla_gateway.journal.reader.settlements import NONE, Settlements

_WITHIN: Final = 24 * 60 * 60 * 1000
_HASH: Final = re.compile(r"[0-9a-f]{16}")
_KIBIBYTES: Final = 8_192
"""Of the database that are in memory."""
_PRAGMAS: Final = "PRAGMA temp_store = FILE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
_TABLES: Final = """
CREATE TABLE carried (number INTEGER PRIMARY KEY, running INTEGER, intent BLOB, outcome BLOB);
CREATE TABLE sent (place TEXT, time INTEGER, number INTEGER);
CREATE TABLE equal (since INTEGER, first INTEGER, time INTEGER, number INTEGER);
"""


def repeated(
    exchanges: Iterable[Exchange], settled: Settlements = NONE, kibibytes: int = _KIBIBYTES
) -> Iterator[Exchange]:
    """Yield the exchanges that carried equal bodies to one place within a day of each other, and equal ones together.

    Args:
        exchanges: at least all with a hash that comes more than once, in any order.
        settled: the settlements of the journal.
        kibibytes: of memory that is used; what does not fit is in a temporary file.

    Raises:
        JournalError: there is no room for a temporary file.
    """
    # Without a name it is a temporary one, which SQLite deletes as soon as it has opened it.
    with _translated(), closing(sqlite3.connect("", isolation_level=None)) as store:
        store.executescript(f"{_PRAGMAS} PRAGMA cache_size = -{kibibytes}; {_TABLES} BEGIN;")
        for number, exchange in enumerate(filter(_may_repeat, exchanges)):
            lines = (it.raw if it else None for it in (exchange.intent, exchange.outcome))
            store.execute("INSERT INTO carried VALUES (?, ?, ?, ?)", (number, exchange.running, *lines))
            store.execute("INSERT INTO sent VALUES (?, ?, ?)", (_place(exchange), _milliseconds(exchange.time), number))
        ordered = store.execute("SELECT place, time, number FROM sent ORDER BY place, time, number")
        store.executemany("INSERT INTO equal VALUES (?, ?, ?, ?)", _equal(ordered))
        for (number,) in store.execute("SELECT number FROM equal ORDER BY since, first, time, number"):
            found = store.execute("SELECT running, intent, outcome FROM carried WHERE number = ?", (number,))
            running, *raws = found.fetchone()
            intent, outcome = (None if raw is None else read(raw) for raw in raws)
            yield Exchange(intent, outcome, bool(running), settled)


def _may_repeat(exchange: Exchange) -> bool:
    was_sent = exchange.outcome is None or exchange.number("attempts")
    return bool(was_sent and _HASH.fullmatch(exchange.body))


def _place(exchange: Exchange) -> str:
    # Not joined by a sign that one of them may have.
    return json.dumps([exchange.body, *map(exchange.text, ("profile", "method", "path"))])


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def _equal(ordered: Iterable[tuple[str, int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """Yield those that are within a day of another one.

    Args:
        ordered: place, time and number of each, in this order.

    Yields:
        Time and number of the first of those that belong together, then of the one itself.
    """
    before, group = ("", 0, 0), (0, 0)
    is_shown = False
    for one in ordered:
        if before[0] == one[0] and one[1] - before[1] <= _WITHIN:
            if not is_shown:
                group = before[1:]
                yield (*group, *group)
            yield (*group, *one[1:])
            is_shown = True
        else:
            is_shown = False
        before = one


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise no_room(str(error)) from None
