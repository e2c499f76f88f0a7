"""State: the ends of certificates and keys, and when each is reported.

Owns the days on which an end is an event: some before it, and each day after it. Refuses to know where ends come from
(`runtime.monitoring.known_expiries`), and clocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

import structlog

from fla_gateway.i18n.message import Text
from fla_gateway.keys.certificates.channel_rules import RENEW, RENEW_AT_ONCE

DAYS_BEFORE: Final = (60, 30, 14, 7, 3, 2, 1)
"""Days left at which an end is reported: the government's side is not known to remind."""

Kind = Literal["certificate", "listener-certificate", "caller-key", "admin-key"]

_LOG = structlog.get_logger()
_DAY: Final = 86_400.0
_CURES: Final[dict[Kind, tuple[Text, Text]]] = {
    "certificate": (RENEW, RENEW_AT_ONCE),
    "listener-certificate": (Text("renew it, and reload"), Text("callers refuse it: renew it, and reload")),
    "caller-key": (
        Text("make the next one with fla-gateway caller new, and give it to the caller in time"),
        Text("it is refused: give the caller another one, or take this one out of the configuration"),
    ),
    "admin-key": (Text("make the next one in time"), Text("it is refused: make another one, or take it out")),
}


class Expiry(NamedTuple):
    """A moment from which something is no longer accepted.

    Attributes:
        kind: of what.
        name: of the key; place of the listener; caller and first eight digits of the digest of its key.
        ends: the moment.
        profiles: those that are concerned, where it is not all of them.
    """

    kind: Kind
    name: str
    ends: datetime
    profiles: tuple[str, ...] = ()

    def days_left(self, now: datetime) -> int:
        """Count whole days until then; negative afterwards."""
        return int((self.ends - now).total_seconds() // _DAY)

    def cure(self, now: datetime) -> Text:
        """Say what to do."""
        before, after = _CURES[self.kind]
        return after if now >= self.ends else before


def step(end: Expiry, now: datetime) -> int | None:
    """Return which report is due: days of `DAYS_BEFORE`; from the end on 0, -1 and so on; None long before.

    Args:
        end: the end.
        now: the time, with a time zone.
    """
    left = (end.ends - now).total_seconds()
    if left <= 0:
        return int(left // _DAY) + 1 if left else 0
    return min((days for days in DAYS_BEFORE if left <= days * _DAY), default=None)


def soon(ends: Iterable[Expiry], now: datetime) -> tuple[Expiry, ...]:
    """Choose those that are reported sooner or later today; the first to end comes first."""
    return tuple(sorted((end for end in ends if step(end, now) is not None), key=lambda end: end.ends))


class ExpiryReports:
    """Logs each end once for each of its steps; the first time at once, as at every start.

    A clock that is set back reports nothing twice. One that was ahead by more than a day has reported what is not yet,
    and must not silence what comes.
    """

    def __init__(self) -> None:
        self._reported: dict[Expiry, int] = {}
        self._looked = datetime.min.replace(tzinfo=UTC)

    def report(self, ends: Iterable[Expiry], now: datetime) -> None:
        """Log what is due.

        Args:
            ends: all that are in force.
            now: the time, with a time zone.
        """
        was_ahead = self._looked - now > timedelta(days=1)
        self._looked = now
        due = {end: reached for end in soon(ends, now) if (reached := step(end, now)) is not None}
        for end, reached in due.items():
            before = self._reported.get(end)
            if before is None or reached < before:
                _report(end, now)
            elif not was_ahead:
                due[end] = before
        self._reported = due


def _report(end: Expiry, now: datetime) -> None:
    facts: dict[str, object] = {
        "kind": end.kind,
        "name": end.name,
        "ends": end.ends.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "days_left": end.days_left(now),
        "cure": end.cure(now),
    }
    if end.profiles:
        facts["profiles"] = list(end.profiles)
    if now < end.ends:
        _LOG.warning("expires-soon", **facts)
    else:
        _LOG.error("expired", **facts)
