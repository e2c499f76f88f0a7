"""State: the attempts to get one token that failed one after the other, and when the next may begin.

Owns the back-off, and the answer to calls that get no token. Refuses to read a clock, to log, and to start an attempt.
"""

from __future__ import annotations

import math

from fla_gateway.errors import ProblemError
from fla_gateway.tokens.backoff import delay_seconds, retry_after_seconds
from fla_gateway.tokens.snapshot import TokenFailure


class FailureStreak:
    """The failed attempts since the last token.

    Attributes:
        count: how many.
        retry_at: `Clock.monotonic` before which no further attempt begins.
        problem: of the last one, to be raised again; None without any.
    """

    __slots__ = ("_alarmed", "_last", "count", "problem", "retry_at")

    def __init__(self) -> None:
        self.count = 0
        self.retry_at = -math.inf
        self.problem: ProblemError | None = None
        self._last: tuple[ProblemError, float] | None = None
        self._alarmed = False

    def add(self, problem: ProblemError, now: float, random: float) -> float:
        """Note a failed attempt.

        Args:
            problem: why it failed.
            now: `Clock.monotonic` of its end: an attempt that took long must not have used up its own back-off.
            random: between 0 and 1.

        Returns:
            Seconds until the next attempt.
        """
        self.count += 1
        delay = delay_seconds(problem.code, self.count, problem.retry_after, random)
        self.retry_at = now + delay
        # A copy: the problem that was raised keeps the frames of its attempt.
        self.problem = ProblemError(problem.code, problem.detail, transient=problem.transient)
        self._last = self.problem, now
        return delay

    def end(self) -> None:
        """Note that a token came; what failed last is still described."""
        self.problem, self.count, self._alarmed, self.retry_at = None, 0, False, -math.inf

    def is_new_refusal(self, code: str) -> bool:
        """Return whether this is the first refusal of the credentials in this streak, which people have to mend."""
        first = code == "token-refused" and not self._alarmed
        self._alarmed = self._alarmed or first
        return first

    def refusal(self, now: float, otherwise: ProblemError) -> ProblemError:
        """Return what a call without a token is answered.

        Args:
            now: `Clock.monotonic`.
            otherwise: what is answered where no attempt has failed.
        """
        failure = self.problem or otherwise
        return ProblemError(failure.code, failure.detail, retry_after_seconds(failure.code, self.retry_at - now))

    def described(self, now: float) -> TokenFailure | None:
        """Describe the last failure, of an earlier streak if need be; None before any.

        Args:
            now: `Clock.monotonic`.
        """
        if self._last is None:
            return None
        problem, at = self._last
        return TokenFailure(problem.code, problem.detail, now - at)
