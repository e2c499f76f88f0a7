"""Rule: an API that refuses good tokens must not make the other APIs lose theirs.

Owns the memory of which service refused what, per profile, bounded. Refuses to know tokens, and to read a clock.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Final

from fla_gateway.catalog.model import OTHER_SERVICE, shown_service
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.tokens.snapshot import HeldBrake

FIRST: Final = 30.0
"""Seconds of a service's first brake; doubled each time."""
LONGEST: Final = 300.0
ACCEPTED_AFTER: Final = 10.0
"""Seconds after which a call that was sent again with the new token, and was not refused by then, has shown that
the service accepts it: a later refusal is a new one, as of a token server that was restarted twice."""
QUIET: Final = 300.0
"""Seconds without a refusal (counted from the end of a brake) after which a service's past is forgotten."""
LIMIT: Final = 32
"""Services remembered one by one, more than the channel has; all further ones share a record. The path is chosen by
callers, and each made-up service costs a token before it is braked."""

_SHARED: Final = ("", "")


class Verdict(Enum):
    """What a refusal of a token by a service leads to."""

    DISCARD = "discard"
    """The token is thrown away and another one is worth asking for."""
    BRAKE = "brake"
    """The token stays: this service has just been given another one and refused that as well."""
    BRAKED = "braked"
    """The token stays: the service is under the brake already."""


@dataclass(slots=True)
class _Record:
    last: float
    until: float = 0.0
    seconds: float = 0.0
    served: bool = False
    """Whether the last refusal of this service led to a new token that is not judged yet."""
    replayed: float = math.inf
    """When the call that was refused was to be sent again with that token; infinite where it was not."""

    def forgotten(self, now: float) -> bool:
        return now >= max(self.last, self.until) + QUIET


class TokenBrake:
    """The services of one token entry, by profile and service."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], _Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    def judge(self, profile: str, service: str, now: float, *, fresh: bool, replays: bool = False) -> Verdict:
        """Judge the refusal of the token that is in use.

        Args:
            profile: name of the profile whose request was refused.
            service: the API that refused, by any name that is the same every time.
            now: `Clock.monotonic`.
            fresh: whether the token is FRESH; the refusal of an aged one proves nothing against the service.
            replays: whether the call is sent again at once if another token is to be had.
        """
        record = self._record(profile, service, now)
        record.last = now
        if now < record.until:
            return Verdict.BRAKED
        if record.served and fresh and now - record.replayed < ACCEPTED_AFTER:
            record.seconds = min(LONGEST, record.seconds * 2 or FIRST)
            record.until = now + record.seconds
            record.served = False
            return Verdict.BRAKE
        record.served = True
        record.replayed = now if replays else math.inf
        return Verdict.DISCARD

    def remaining(self, profile: str, service: str, now: float) -> float:
        """Return for how many seconds a service's brake still holds; 0 without one. Counts nothing against it.

        Args:
            profile: its name.
            service: the API, as for `judge`.
            now: `Clock.monotonic`.
        """
        record = self._records.get((profile, service)) or self._records.get(_SHARED)
        return max(0.0, record.until - now) if record else 0.0

    def held(self, now: float) -> tuple[HeldBrake, ...]:
        """List the services whose brake holds."""
        held: dict[tuple[str, str], float] = {}
        for (profile, service), record in self._records.items():
            if now < record.until:
                shown = (profile, shown_service(service or OTHER_SERVICE))
                held[shown] = max(record.until - now, held.get(shown, 0.0))
        return tuple(HeldBrake(*shown, seconds) for shown, seconds in held.items())

    def _record(self, profile: str, service: str, now: float) -> _Record:
        key = (profile, service)
        record = self._records.get(key)
        if record is None and len(self._records) >= LIMIT:
            self._forget(now)
            if len(self._records) >= LIMIT:
                key = _SHARED
                record = self._records.get(key)
        if record is None or record.forgotten(now):
            record = self._records[key] = _Record(now)
        return record

    def _forget(self, now: float) -> None:
        self._records = {key: record for key, record in self._records.items() if not record.forgotten(now)}
