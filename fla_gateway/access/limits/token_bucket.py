"""Value with state: a token bucket.

Owns how tokens come back with time. Refuses to read a clock, and to know what a token is for; the user of the bucket
takes a token itself, once `wait` has returned 0.
"""

from __future__ import annotations

import math
from typing import Final

ONE: Final = 1 - 1e-9
"""A token that is all there but for rounding."""


class TokenBucket:
    """A bucket that refills at a rate, and holds at most the tokens of one second, but at least a whole one.

    Attributes:
        rate: tokens that come per second.
        capacity: tokens in the bucket at most.
        tokens: those in the bucket at `at`.
        at: `Clock.monotonic` of the last look.
    """

    __slots__ = ("at", "capacity", "rate", "tokens")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.capacity = self.tokens = max(1.0, rate)
        self.at = -math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until a token is there; 0 if one is.

        Args:
            now: `Clock.monotonic`.
        """
        tokens = self.tokens + (now - self.at) * self.rate
        if tokens > self.capacity:  # noqa: PLR1730 - a call of min costs three times as much, on every request's way
            tokens = self.capacity
        self.tokens = tokens
        self.at = now
        return 0.0 if tokens >= ONE else (1 - tokens) / self.rate
