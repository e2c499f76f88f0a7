"""Rule: which exchanges carried the same body to the same place within a day.

Owns two readings in bounded memory: the first marks hashes that come again, the second compares the exchanges that have
them. Refuses to judge whether it was meant: two equal declarations may both be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.filters import written
from fla_gateway.journal.reader.wishes import bodies_in

WITHIN: Final = timedelta(days=1)
_BITS: Final = 27
"""Binary logarithm of the marks of a day: 16 MiB. Another body has the mark of one by chance once in 134 million."""
_MASK: Final = (1 << _BITS) - 1
# Within a text of a line these quotes would have a backslash before them.
_TIME: Final = b'"time":"'
_DAY_SIZE: Final = 10


class Repetition(NamedTuple):
    """An exchange that is one of several.

    Attributes:
        exchange: it.
        first: request id of the one before it with the same body; empty for the first.
    """

    exchange: Exchange
    first: str


class Marks:
    """First reading: notes hashes, without reading any line as JSON.

    Attributes:
        again: hashes that came more than once, or by chance look so.
    """

    def __init__(self) -> None:
        self.again: set[bytes] = set()
        self._day = b""
        self._today = self._before = bytearray(1 << (_BITS - 3))

    def note(self, lines: bytes) -> None:
        """Note the hashes of the next lines; too many do no harm."""
        place = lines.rfind(_TIME) + len(_TIME)
        day = lines[place : place + _DAY_SIZE] if place >= len(_TIME) else self._day
        if day != self._day:
            self._day, self._before, self._today = day, self._today, bytearray(len(self._today))
        for body in bodies_in(lines):
            self._mark(body)

    def _mark(self, body: bytes) -> None:
        try:
            place = int(body, 16) & _MASK
        except ValueError:
            return
        index, bit = place >> 3, 1 << (place & 7)
        if (self._today[index] | self._before[index]) & bit:
            self.again.add(body)
        self._today[index] |= bit


def repeated(exchanges: Iterable[Exchange]) -> Iterator[Repetition]:
    """Yield the exchanges that carried equal bodies to one place within a day, each behind the one that it repeats.

    Args:
        exchanges: at least all with a hash that comes more than once, in the journal's order.
    """
    last: dict[tuple[str, ...], tuple[Exchange, bool]] = {}
    day = ""
    for exchange in exchanges:
        if exchange.time[:10] != day:
            day = exchange.time[:10]
            last = {place: it for place, it in last.items() if exchange.time <= _a_day_after(it[0].time)}
        if not exchange.body or (exchange.outcome is not None and not exchange.number("attempts")):
            continue
        place = (*map(exchange.text, ("profile", "method", "path")), exchange.body)
        before, is_shown = last.get(place, (None, False))
        is_repeated = before is not None and exchange.time <= _a_day_after(before.time)
        if before is not None and is_repeated:
            if not is_shown:
                yield Repetition(before, "")
            yield Repetition(exchange, before.text("id"))
        last[place] = exchange, is_repeated


def _a_day_after(time: str) -> str:
    return written(datetime.fromisoformat(time) + WITHIN)
