"""State: which conditions hold, and which of them were said.

Owns when an alert is due: once for each state, and not sooner than an hour after the same one. Refuses to know what
conditions are about, and clocks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from fla_gateway.lean_dataclass import dataclass
from fla_gateway.observe.alerts.alert import Alert, Condition

_DAY: Final = 86_400.0
QUIET_SECONDS: Final = 3600.0
"""Between two alerts that the same condition holds: one that comes and goes must not fill a mailbox."""


@dataclass(slots=True)
class _Known:
    """What is known of a condition.

    Attributes:
        condition: as it was seen last.
        since: since when it holds, in seconds since 1970.
        level: the highest that was said; 0: nothing was.
        said: when that was, by `Clock.monotonic`.
        holds: whether it does.
    """

    condition: Condition
    since: float
    level: int = 0
    said: float = float("-inf")
    holds: bool = True


class Ledger:
    """Compares what holds with what was said. The mutable state is one record for each condition of the last hour."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Known] = {}
        self._looked = float("-inf")

    def update(
        self, conditions: Iterable[Condition], profiles: Collection[str], now: float, wall: float
    ) -> tuple[Alert, ...]:
        """Take what holds now; return what is to be said.

        Args:
            conditions: all that hold; each once.
            profiles: those that there are: nothing has been mended where a profile was taken out.
            now: `Clock.monotonic`.
            wall: `Clock.wall` at the same moment.
        """
        held = {it.key: it for it in conditions}
        was_ahead, self._looked = wall < self._looked - _DAY, wall
        if was_ahead:
            # What it has said of ends is not yet so, and must not silence what comes.
            for key in held.keys() & self._known.keys():
                self._known[key].level = min(self._known[key].level, held[key].level)
        found = [alert for it in held.values() if (alert := self._see(it, now, wall)) is not None]
        for key, known in [*self._known.items()]:
            if key in held:
                continue
            condition = known.condition
            there = not condition.profiles or not set(condition.profiles).isdisjoint(profiles)
            if known.holds and known.level and condition.over and there:
                found.append(Alert("recovered", condition, known.since, wall))
            known.holds = False
            if now >= known.said + QUIET_SECONDS:
                del self._known[key]
        return tuple(found)

    def _see(self, condition: Condition, now: float, wall: float) -> Alert | None:
        known = self._known.get(condition.key)
        since = wall if condition.since is None else condition.since
        if known is None:
            known = self._known[condition.key] = _Known(condition, since)
        elif not known.holds:
            # It has come back; its last alert is not forgotten, so that it is quiet for the rest of the hour.
            known.since, known.level, known.holds = since, 0, True
        known.condition = condition
        if condition.ends is None:
            # Of calls in doubt, one more after some were settled is news. An end does not go back, but a clock may.
            known.level = min(known.level, condition.level)
        if condition.level <= known.level or now < known.said + QUIET_SECONDS:
            return None
        known.level, known.said = condition.level, now
        return Alert("raised", condition, known.since, wall)
