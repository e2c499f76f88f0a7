"""Rule: how far a token server's clock is from this host's.

Owns what is learned from Date fields and when it is believed. Refuses to know where a Date came from: the client
passes only those of answers over verified TLS, without Age, from the token server itself.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass

NOTEWORTHY: Final = 30.0
"""Seconds of skew that are said wherever the clock is, and after which a refused assertion is worth making again."""
LARGEST: Final = 86_400.0
"""Seconds that are corrected at most: beyond a day the host's clock is simply not set."""
UNCONFIRMED: Final = 3_600.0
"""Seconds that a single sample may move the time of an assertion: an assertion that is good for later can be kept and
used later, and the Date of one answer is no reason to make one. An hour is what a wrong time zone takes."""
AGREEMENT: Final = 5.0
"""Seconds by which two samples may differ: Date counts whole seconds, and an answer may take a few."""

_SET_IT: Final = Text("set this host's clock (NTP); assertions are corrected meanwhile, TLS is not")
_IT_IS_NOT_SET: Final = Text("set this host's clock (NTP): it is more than a day off, which is not corrected")


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """What is known of one token server's clock.

    Attributes:
        learned: seconds to add to the host's clock, within a day either way; 0 until two samples agreed.
        sample: the last sample, or None before the first.
    """

    learned: float = 0.0
    sample: float | None = None


def take_sample(date: float, sent: float, received: float) -> float:
    """Compare a Date with the host's clock, halfway between request and answer.

    Date is cut to whole seconds (RFC 9110, section 6.6.1), so that with equal clocks the sample is between -1 and
    0: an `iat` made from it is a little early and never in the server's future.

    Args:
        date: the Date field, seconds since the epoch.
        sent: the host's wall clock before the request.
        received: the host's wall clock after the head of the answer.
    """
    return date - (sent + received) / 2


def learn(known: ClockOffset, sample: float) -> ClockOffset:
    """Take note of a sample; it is believed once it agrees with the one before it."""
    agreed = known.sample is not None and abs(sample - known.sample) <= AGREEMENT
    return ClockOffset(clamp(sample) if agreed else known.learned, sample)


def clamp(offset: float) -> float:
    """Keep a correction within a day."""
    return max(-LARGEST, min(LARGEST, offset))


def finding(offset: float) -> Text:
    """Say how far this machine's clock is off, as a clause.

    Args:
        offset: seconds by which the token server's clock is ahead.
    """
    seconds = f"{abs(offset):.0f}"
    if offset > 0:
        return Text("this machine's clock is {seconds} s behind the token server's", seconds=seconds)
    return Text("this machine's clock is {seconds} s ahead of the token server's", seconds=seconds)


def warning(offset: float) -> Text:
    """Say it with what to do, as a clause, where there is room for no more."""
    return Text("{finding}: set it right", finding=finding(offset))


def cure(offset: float) -> Text:
    """Say what to do about a clock; empty where it is right.

    Args:
        offset: seconds between the clocks.
    """
    if abs(offset) <= NOTEWORTHY:
        return NOTHING
    return _SET_IT if abs(offset) <= LARGEST else _IT_IS_NOT_SET


def should_report(before: ClockOffset, after: ClockOffset) -> bool:
    """Return whether a learned offset became noteworthy, ceased to be, or jumped."""
    crossed = (abs(before.learned) > NOTEWORTHY) != (abs(after.learned) > NOTEWORTHY)
    return crossed or abs(after.learned - before.learned) > NOTEWORTHY


def better_offset(sample: float | None, used: float, learned: float) -> float | None:
    """Choose the offset with which a refused assertion is made again, if that makes sense at all.

    Args:
        sample: what the refusal's Date shows, or None where it shows nothing.
        used: the offset that the refused assertion was made with.
        learned: the offset that is believed now, the sample included.

    Returns:
        The sample, if it is within a day, differs from what was used by more than 30 s, and is confirmed or within an
        hour of the host's clock or of the offset that is believed; else None.
    """
    if sample is None or abs(sample) > LARGEST:
        return None
    offset = learned if abs(sample - learned) <= AGREEMENT else _unconfirmed(sample, learned)
    # Beyond the bound it would be refused as the first one was.
    if abs(offset - sample) > NOTEWORTHY or abs(offset - used) <= NOTEWORTHY:
        return None
    return offset


def _unconfirmed(sample: float, learned: float) -> float:
    return max(min(0.0, learned) - UNCONFIRMED, min(max(0.0, learned) + UNCONFIRMED, sample))
