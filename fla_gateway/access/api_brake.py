"""Rule with state: while an API asks for patience, it is not asked.

Owns which services of one profile asked for it and until when, bounded, and the reading of what they say. Refuses to
read a clock, and to hold a request back or queue it: whoever calls meanwhile is told the time that is left.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from fla_gateway.access.guard import Refusal
from fla_gateway.oauth.response import LONGEST_RETRY_AFTER
from fla_gateway.oauth.response import retry_after_seconds as _retry_after_seconds

FIRST: Final = 1.0
"""Seconds of a brake where the API does not say how long; doubled for each brake that follows at once."""
LONGEST_GUESS: Final = 60.0
LONGEST: Final = float(LONGEST_RETRY_AFTER)
"""Seconds that an API's own word is followed; an operator who repaired something must not wait for hours."""
FAILED_REQUESTS: Final = 60.0
"""Seconds where the quota on failed requests is used up and the API does not say for how long: the calls that fail
are repaired by people."""
QUIET: Final = 300.0
"""Seconds after the end of a brake, without a call to the service, after which its past is forgotten."""
LIMIT: Final = 32
"""Services remembered one by one, more than the channel has; all further ones share a record, since callers choose the
path, and what they make up must not fill the memory."""
LONGEST_BODY: Final = 4096
"""Bytes of a problem that are looked at."""

_SHARED: Final = ""
_WHOLE_DOUBLINGS: Final = 10
_TYPE: Final = "urn:problem-type:belgif:"
_TOO_MANY: Final = frozenset(("tooManyRequests", "tooManyFailedRequests"))
# Members of a body that was cut off. The names are not looked for within a text: there the quotes are escaped.
_TYPE_MEMBER: Final = re.compile(rb'(?<!\\)"type"\s*:\s*"' + re.escape(_TYPE.encode()) + rb'([A-Za-z]{1,40})"')
_SECONDS_MEMBER: Final = re.compile(rb'(?<!\\)"retryAfterSec"\s*:\s*"?([0-9]{1,9}(?:\.[0-9]{1,9})?)(?=["\s,}])')
_TIME_MEMBER: Final = re.compile(rb'(?<!\\)"retryAfter"\s*:\s*"?([0-9TZtz:.+-]{1,40})(?=["\s,}])')


class BodyHint(NamedTuple):
    """What a problem says about asking too much.

    Attributes:
        failed_requests: whether it is the quota on failed requests that is used up.
        retry_after: seconds to wait, or None where it does not say.
    """

    failed_requests: bool
    retry_after: float | None


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
        holds: False while no service has asked for patience lately; one look at it is enough for an exchange then.
    """

    def __init__(self) -> None:
        self.holds = False
        self._records: dict[str, _Record] = {}
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
            "The API has answered that it is asked too much, so it is not asked at all for a while. "
            f"Try again in {seconds} s; the request has not been sent.",
            seconds,
        )

    def throttled(self, service: str, now: float, retry_after: float | None, *, failed_requests: bool) -> None:
        """Take note that a service asks for patience.

        Answers to requests that were on their way when a brake began may make it longer, but are no further proof:
        there is one doubling for each brake.

        Args:
            service: as for `refusal`.
            now: `Clock.monotonic`.
            retry_after: seconds that it asks for, or None.
            failed_requests: whether the quota on failed requests is used up (Belgif, tooManyFailedRequests).
        """
        record = self._record(service, now)
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
            self._records = {name: it for name, it in self._records.items() if it is not record}
            self.holds = bool(self._records)

    def snapshot(self, now: float) -> tuple[tuple[str, float], ...]:
        """Give the services that are braked, each with the seconds that are left.

        Those beyond the services that are remembered one by one go by the empty name.

        Args:
            now: `Clock.monotonic`.
        """
        return tuple((name, it.until - now) for name, it in sorted(self._records.items()) if now < it.until)

    def _find(self, service: str) -> _Record | None:
        return self._records.get(service) or self._records.get(_SHARED)

    def _record(self, service: str, now: float) -> _Record:
        record = self._records.get(service)
        if record is not None:
            return record
        if len(self._records) >= LIMIT:
            self._forget(now)
        key = service if len(self._records) < LIMIT else _SHARED
        # A new record has no brake yet: it begins with the one that is being noted.
        return self._records.setdefault(key, _Record(-math.inf))

    def _forget(self, now: float) -> None:
        self._records = {name: it for name, it in self._records.items() if not it.forgotten(now)}
        self._forget_at = min((it.until for it in self._records.values()), default=math.inf) + QUIET
        self.holds = bool(self._records)


def _seconds(brakes: int, retry_after: float | None, *, failed_requests: bool) -> float:
    # Nothing, or a time that has passed, is what no server can mean that has just refused.
    if retry_after is not None and retry_after > 0:
        return min(LONGEST, retry_after)
    if failed_requests:
        return FAILED_REQUESTS
    return min(LONGEST_GUESS, FIRST * 2.0 ** min(brakes - 1, _WHOLE_DOUBLINGS))


def retry_after_seconds(value: bytes, wall: float) -> float | None:
    """Read Retry-After in both its forms (RFC 9110, section 10.2.3).

    Args:
        value: of the field.
        wall: `Clock.wall`, which a date is compared with.

    Returns:
        Seconds from 0 to 300, or None where there is nothing readable.
    """
    return _retry_after_seconds(value.decode("latin-1"), wall)


def body_hint(payload: bytes, wall: float | None = None) -> BodyHint | None:
    """Read a problem about asking too much (Belgif REST guide, tooManyRequests and tooManyFailedRequests).

    Args:
        payload: the body, or its beginning.
        wall: `Clock.wall`; without it a point in time (`retryAfter`) is not understood, and only seconds are.

    Returns:
        None where the body is anything else.
    """
    start = payload[:LONGEST_BODY]
    members = _members(start)
    kind = members.get("type")
    if not isinstance(kind, str) or not kind.startswith(_TYPE) or kind.removeprefix(_TYPE) not in _TOO_MANY:
        return None
    seconds = _number(members.get("retryAfterSec"))
    if seconds is None:
        seconds = _moment(members.get("retryAfter"), wall)
    return BodyHint(kind == f"{_TYPE}tooManyFailedRequests", seconds)


def _members(start: bytes) -> dict[str, Any]:
    try:
        document = json.loads(start)
    except (ValueError, RecursionError):
        return _torn(start)
    return document if isinstance(document, dict) else {}


def _torn(start: bytes) -> dict[str, Any]:
    """Find the members in the beginning of an object that goes on."""
    kind = _TYPE_MEMBER.search(start)
    seconds = _SECONDS_MEMBER.search(start)
    time = _TIME_MEMBER.search(start)
    return {
        "type": None if kind is None else _TYPE + kind[1].decode(),
        "retryAfterSec": None if seconds is None else seconds[1].decode(),
        "retryAfter": None if time is None else time[1].decode(),
    }


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return min(LONGEST, max(0.0, seconds)) if math.isfinite(seconds) else None


def _moment(value: object, wall: float | None) -> float | None:
    """Read a point in time (RFC 3339), or seconds, which some write there."""
    seconds = _number(value)
    if seconds is not None or wall is None or not isinstance(value, str):
        return seconds
    try:
        moment = datetime.fromisoformat(value)
        epoch = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return _number(epoch - wall)
