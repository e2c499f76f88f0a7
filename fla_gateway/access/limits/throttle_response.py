"""Rule: what an answer of an API says about asking too much, or with too few rights.

Owns the reading of Retry-After and of Belgif problems of these kinds, whole or cut off. Refuses to know what
follows from it (`api_brake`).
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from fla_gateway.http1.retry_after import LONGEST_RETRY_AFTER
from fla_gateway.http1.retry_after import retry_after_seconds as _retry_after_seconds

LONGEST: Final = float(LONGEST_RETRY_AFTER)
"""Seconds that an API's own word is followed; an operator who repaired something must not wait for hours."""
LONGEST_BODY: Final = 4096
"""Bytes of a problem that are looked at."""

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


def is_missing_scope(payload: bytes) -> bool:
    """Return whether a problem says that the token lacks a scope (Belgif REST guide, missingScope).

    Args:
        payload: the body, or its beginning.
    """
    return bool(_members(payload[:LONGEST_BODY]).get("type") == f"{_TYPE}missingScope")


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
