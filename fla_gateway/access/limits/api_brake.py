"""Rule with state: while an API throttles, no request is sent to it.

Owns which services of one profile throttle and until when, bounded. Refuses to know how they say so
(`throttle_response`), to read a clock, and to delay a request or queue it: one that comes meanwhile is refused with the
time that is left.
"""

from __future__ import annotations

import math
from typing import Final

from fla_gateway.access.limits.throttle_response import LONGEST
from fla_gateway.access.refusal import Refusal
from fla_gateway.catalog.model import OTHER_SERVICE, shown_service
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass

FIRST: Final = 1.0
"""Seconds of a brake where the API does not say how long; doubled for each brake that follows at once."""
LONGEST_GUESS: Final = 60.0
FAILED_REQUESTS: Final = 60.0
"""Seconds where the quota on failed requests is used up and the API does not say for how long: the calls that fail
are repaired by people."""
QUIET: Final = 300.0
"""Seconds after the end of a brake, without a call to the service, after which its past is forgotten."""
LIMIT: Final = 32
"""Services remembered one by one, more than the channel has; those that throttle beyond it share a record,
since callers choose the path, and what they make up must not fill the memory."""
MOST_SHARING: Final = 1_024
"""Services that share a record; one beyond is not braked. A service that never throttled is none of them."""

_SHARED: Final = OTHER_SERVICE
_WHOLE_DOUBLINGS: Final = 10


@dataclass(slots=True)
class _Record:
    until: float
    brakes: int = 1
    """Brakes in a row, this one included."""
    over: bool = False
    """Whether a request has been let through since the end of the brake."""

    def forgotten(self, now: float) -> bool:
        return now >= self.until + QUIET


class ApiBrake:
    """The brakes of one profile, by service.

    Attributes:
        holds: False while no service has throttled lately; an exchange then needs to look at nothing else.
    """

    def __init__(self) -> None:
        self.holds = False
        self._records: dict[str, _Record] = {}
        self._sharing: set[str] = set()
        self._forget_at = math.inf

    def refusal(self, service: str, now: float) -> Refusal | None:
        """Judge a request; ask only while `holds`.

        Args:
            service: that it goes to, by any name that is the same every time.
            now: `Clock.monotonic`.

        Returns:
            None, or a refusal with the time that is left.
        """
        if now >= self._forget_at:
            self._forget(now)
        record = self._find(service)
        if record is None:
            return None
        left = record.until - now
        if left <= 0:
            record.over = True
            return None
        seconds = max(1, math.ceil(left))
        return Refusal(
            "api-throttled",
            Text(
                "The API has answered that it is asked too much, so it is not asked at all for a while. "
                "Try again in {seconds} s; the request has not been sent.",
                seconds=seconds,
            ),
            seconds,
        )

    def throttled(self, service: str, now: float, retry_after: float | None, *, failed_requests: bool) -> None:
        """Take note that a service throttles.

        Answers to requests that were on their way when a brake began may make it longer, but are no further proof:
        there is one doubling for each brake.

        Args:
            service: as for `refusal`.
            now: `Clock.monotonic`.
            retry_after: seconds that it asks for, or None.
            failed_requests: whether the quota on failed requests is used up (Belgif, tooManyFailedRequests).
        """
        record = self._record(service, now)
        if record is None:
            return
        if now >= record.until:
            record.brakes = 1 if record.forgotten(now) else record.brakes + 1
            record.over = False
        record.until = max(record.until, now + _seconds(record.brakes, retry_after, failed_requests=failed_requests))
        self._forget_at = min(self._forget_at, record.until + QUIET)
        self.holds = True

    def answered(self, service: str) -> None:
        """Take note of any other answer of a service; only needed while `holds`.

        It ends the doubling, unless no request has been let through since the brake began: then it is the answer to
        one that was on its way before, and says nothing about afterwards.

        Args:
            service: as for `refusal`.
        """
        record = self._find(service)
        if record is not None and record.over:
            self._keep({name: it for name, it in self._records.items() if it is not record})

    def held(self, now: float) -> tuple[tuple[str, float], ...]:
        """List the services whose brake holds, each with the seconds that are left.

        Those beyond the services that are remembered one by one go by `catalog.model.OTHER_SERVICE`.

        Args:
            now: `Clock.monotonic`.
        """
        held: dict[str, float] = {}
        for name, it in sorted(self._records.items()):
            if now < it.until:
                shown = shown_service(name)
                held[shown] = max(it.until - now, held.get(shown, 0.0))
        return tuple(held.items())

    def _find(self, service: str) -> _Record | None:
        record = self._records.get(service)
        return self._records.get(_SHARED) if record is None and service in self._sharing else record

    def _record(self, service: str, now: float) -> _Record | None:
        record = self._find(service)
        if record is not None:
            return record
        if len(self._records) >= LIMIT:
            self._forget(now)
        key = service
        if len(self._records) >= LIMIT:
            if len(self._sharing) >= MOST_SHARING:
                return None
            self._sharing.add(service)
            key = _SHARED
        # A new record has no brake yet: it begins with the one that is being noted.
        return self._records.setdefault(key, _Record(-math.inf))

    def _forget(self, now: float) -> None:
        self._keep({name: it for name, it in self._records.items() if not it.forgotten(now)})
        self._forget_at = min((it.until for it in self._records.values()), default=math.inf) + QUIET

    def _keep(self, records: dict[str, _Record]) -> None:
        self._records = records
        self.holds = bool(records)
        if _SHARED not in records:
            self._sharing.clear()


def _seconds(brakes: int, retry_after: float | None, *, failed_requests: bool) -> float:
    # A server that has just refused cannot mean no time at all, or a time that has passed.
    if retry_after is not None and retry_after > 0:
        return min(LONGEST, retry_after)
    if failed_requests:
        return FAILED_REQUESTS
    return min(LONGEST_GUESS, FIRST * 2.0 ** min(brakes - 1, _WHOLE_DOUBLINGS))
