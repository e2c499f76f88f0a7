"""Rule: the problem details for exceeded limits.

Owns what they report to the caller: which limit was exceeded, whose it is, and when to retry. Refuses to know what each
caller has used (`limiter`).
"""

from __future__ import annotations

import math

from fla_gateway.access.refusal import Refusal
from fla_gateway.i18n.message import NOTHING, Text


def own_concurrent(name: str, running: int) -> Refusal:
    """Refuse a caller that has as many exchanges running as it may."""
    return Refusal(
        "too-many-requests",
        Text(
            "Caller {name} has {running} exchanges running, as many as 'concurrent' of its own limits "
            "permits. Wait for the end of one before the next is begun.",
            name=name,
            running=running,
        ),
        1,
    )


def own_rate(name: str, rate: float, wait: float) -> Refusal:
    """Refuse a caller that sends more requests than it may.

    Args:
        name: the caller's.
        rate: requests per second that it may make.
        wait: seconds until the next may come.
    """
    seconds = _whole(wait)
    return Refusal(
        "too-many-requests",
        Text(
            "Caller {name} makes more requests than the {rate} per second of its own limits. "
            "Try again in {seconds} s, and spread requests over time.",
            name=name,
            rate=f"{rate:g}",
            seconds=seconds,
        ),
        seconds,
    )


def body_too_large(most: int) -> Refusal:
    """Refuse a body of more than `most` bytes."""
    return Refusal(
        "body-too-large",
        Text(
            "The body is larger than the {most} bytes that this caller may send here; "
            "see 'limits' of the caller and of the profile in the configuration.",
            most=most,
        ),
    )


def shared_concurrent(most: int, sharers: int) -> Refusal:
    """Refuse a caller for which the profile has no exchange left, of `most` for `sharers` callers."""
    return Refusal(
        "too-many-requests",
        Text(
            "The profile's limit of {most} concurrent exchanges{among} is reached. "
            "Wait for the end of one, or try again in 1 s.",
            most=most,
            among=_among(sharers),
        ),
        1,
    )


def shared_rate(rate: float, sharers: int, wait: float) -> Refusal:
    """Refuse a caller for which the profile has no request left at present.

    Args:
        rate: requests per second of all callers together.
        sharers: number of active callers.
        wait: seconds until its next may come.
    """
    seconds = _whole(wait)
    return Refusal(
        "too-many-requests",
        Text(
            "The profile's limit of {rate} requests per second{among} is reached. "
            "Try again in {seconds} s, and spread requests over time.",
            rate=f"{rate:g}",
            among=_among(sharers),
            seconds=seconds,
        ),
        seconds,
    )


def _among(sharers: int) -> Text:
    if sharers <= 1:
        return NOTHING
    return Text(", shared by the {sharers} callers who are active now,", sharers=sharers)


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))
