"""Rule: which exchanges a query selects.

Owns how times are written by people and what each filter means. Refuses to know the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Final, NamedTuple

from fla_gateway.errors import JournalError
from fla_gateway.i18n.message import Text
from fla_gateway.journal.reader.exchange_history import NO_OUTCOME, RUNNING, Exchange
from fla_gateway.journal.reader.in_doubt import doubt_of, reason

OUTCOMES: Final = (
    "answered", "refused", "not-sent", "unknown", "truncated", "caller-gone", RUNNING, NO_OUTCOME,
)  # fmt: skip

MOST_HELD: Final = 1_000
"""Exchanges that wait for what may have settled them; of more, it is looked for in the rest of the journal."""

_DURATION: Final = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Selection(NamedTuple):
    """The filters of a query; empty text does not filter.

    Attributes:
        since: time of the first, as the journal writes it.
        until: time before which the last was recorded.
        caller: name.
        profile: name.
        outcome: one of `OUTCOMES`.
        reference: a part of Fla-Gateway-Reference.
        identity: the request id.
        in_doubt: only what is in doubt, or still runs and may become so.
        settled: only what was in doubt and was settled by a person.
        masks: masks of a number, one of which the path or what was made has.
        body: keyed hash of the request body.
    """

    since: str = ""
    until: str = ""
    caller: str = ""
    profile: str = ""
    outcome: str = ""
    reference: str = ""
    identity: str = ""
    in_doubt: bool = False
    settled: bool = False
    masks: tuple[str, ...] = ()
    body: str = ""

    def picks(self, exchange: Exchange) -> bool:
        """Return whether an exchange is selected."""
        if not self.covers(exchange.time):
            return False
        wanted = (("caller", self.caller), ("profile", self.profile), ("id", self.identity))
        if any(value and exchange.text(name) != value for name, value in wanted):
            return False
        if self.outcome and exchange.word != self.outcome:
            return False
        if self.reference not in exchange.text("reference"):
            return False
        if self.body and exchange.body != self.body:
            return False
        if self.masks and not self._names_number(exchange):
            return False
        if self.settled and not (doubt_of(exchange) and exchange.settlements):
            return False
        return not self.in_doubt or exchange.running or bool(reason(exchange))

    def _names_number(self, exchange: Exchange) -> bool:
        return not {*exchange.text("path").split("/"), exchange.text("made")}.isdisjoint(self.masks)

    def covers(self, when: str) -> bool:
        """Return whether a time, as the journal writes it, is between the two."""
        return when >= self.since and (not self.until or when < self.until)

    def meets(self, begins: str, ends: str) -> bool:
        """Return whether some time between two, as the journal writes them, is wanted; empty is without a bound."""
        return (not ends or ends >= self.since) and (not self.until or begins < self.until)


def selected(exchanges: Iterable[Exchange], selection: Selection) -> Iterator[Exchange]:
    """Yield the exchanges that are selected.

    What is in doubt, or was, is held back while that is little: at the end of a journal its settlements are known
    without looking for them.
    """
    if selection == Selection():
        yield from exchanges
        return
    if not (selection.in_doubt or selection.settled):
        yield from filter(selection.picks, exchanges)
        return
    possible = (it for it in exchanges if selection.covers(it.time) and (it.running or doubt_of(it)))
    held = list(islice(possible, MOST_HELD))
    yield from filter(selection.picks, held)
    yield from filter(selection.picks, possible)


def moment(text: str, now: float, *, ends: bool = False, local: bool = False) -> str:
    """Read a time as people write it.

    Args:
        text: ``2026-11-02``, ``2026-11-02T08:15``, with or without an offset (UTC without one), or how long ago:
            ``90s``, ``30m``, ``2h``, ``3d``, ``1w``.
        now: seconds since the epoch.
        ends: whether a period ends there: a date then means its end, not its beginning.
        local: whether a time without an offset is local time.

    Returns:
        The time as the journal writes it, so that texts can be compared.

    Raises:
        JournalError: it is none of these.
    """
    try:
        return written(_read(text, now, ends=ends, local=local))
    except (ValueError, OverflowError):
        message = Text(
            "must be a date or time such as 2026-11-02 or 2026-11-02T08:15 (UTC), or how long ago: 30m, 2h, 3d"
        )
        raise JournalError(message) from None


def written(when: datetime) -> str:
    """Write a time as the journal does."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _read(text: str, now: float, *, ends: bool, local: bool) -> datetime:
    ago = _DURATION.fullmatch(text)
    if ago:
        return datetime.fromtimestamp(now, UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        day = date.fromisoformat(text)
    except ValueError:
        when = datetime.fromisoformat(text)
    else:
        when = datetime.combine(day + timedelta(days=1) if ends else day, time())
    if when.tzinfo:
        return when
    return when.astimezone() if local else when.replace(tzinfo=UTC)
