"""Rule: the sentences in which a limit refuses.

Owns what a caller is told: which limit it was, whose, and when to come again. Refuses to know who has used what
(`limiter`).
"""

from __future__ import annotations

import math

from fla_gateway.access.refusal import Refusal


def own_concurrent(name: str, running: int) -> Refusal:
    """Refuse a caller who has as many exchanges running as he may."""
    return Refusal(
        "too-many-requests",
        f"Caller {name} has {running} exchanges running, as many as 'concurrent' of its own limits "
        "permits. Wait for the end of one before the next is begun.",
        1,
    )


def own_rate(name: str, rate: float, wait: float) -> Refusal:
    """Refuse a caller who asks more often than he may.

    Args:
        name: the caller's.
        rate: requests per second that he may make.
        wait: seconds until the next may come.
    """
    seconds = _whole(wait)
    return Refusal(
        "too-many-requests",
        f"Caller {name} makes more requests than the {rate:g} per second of its own limits. "
        f"Try again in {seconds} s, and spread requests over time.",
        seconds,
    )


def body_too_large(most: int) -> Refusal:
    """Refuse a body of more bytes than that."""
    return Refusal(
        "body-too-large",
        f"The body is larger than the {most} bytes that this caller may send here; "
        "see 'limits' of the caller and of the profile in the configuration.",
    )


def shared_concurrent(most: int, sharers: int) -> Refusal:
    """Refuse a caller for whom the profile has no exchange left, of so many for so many callers."""
    return Refusal(
        "too-many-requests",
        f"The profile's limit of {most} concurrent exchanges{_among(sharers)} is reached. "
        "Wait for the end of one, or try again in 1 s.",
        1,
    )


def shared_rate(rate: float, sharers: int, wait: float) -> Refusal:
    """Refuse a caller for whom the profile has no request left at present.

    Args:
        rate: requests per second of all callers together.
        sharers: callers who are active.
        wait: seconds until his next may come.
    """
    seconds = _whole(wait)
    return Refusal(
        "too-many-requests",
        f"The profile's limit of {rate:g} requests per second{_among(sharers)} is reached. "
        f"Try again in {seconds} s, and spread requests over time.",
        seconds,
    )


def _among(sharers: int) -> str:
    return f", shared by the {sharers} callers who are active now," if sharers > 1 else ""


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))
