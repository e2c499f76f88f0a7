"""Rule with state: requests per second of a profile, of which each active caller owns a part.

Owns the bucket and what of it is kept for which caller. Refuses to know who is active: that is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fla_gateway.access.limits.caller_use import CallerUse
from fla_gateway.access.limits.token_bucket import ONE, TokenBucket


class SharedRate:
    """The profile's requests per second: one bucket, of which each active caller owns a part."""

    __slots__ = ("bucket",)

    def __init__(self, rate: float) -> None:
        self.bucket = TokenBucket(rate)

    def join(self, use: CallerUse, others: Iterable[CallerUse], sharers: int, now: float) -> None:
        """Give a caller that becomes active its part, so that the parts are never more than the whole.

        Args:
            use: the caller.
            others: those that are active already.
            sharers: number of all of them, with this caller.
            now: `Clock.monotonic`.
        """
        self.bucket.wait(now)
        left = self.bucket.tokens
        for other in others:
            # For a caller that was alone no part was kept: it had the whole bucket.
            part = left if sharers == 2 else self._part(other, sharers - 1, now)  # noqa: PLR2004 - it and one other
            other.share_tokens = part * (sharers - 1) / sharers
            other.share_at = now
            left -= other.share_tokens
        use.share_tokens = min(max(0.0, left), self._most(sharers))
        use.share_at = now

    def take(self, use: CallerUse, active: Mapping[str, CallerUse], now: float) -> float:
        """Take a token for a request, if one is there and not kept for another caller.

        Args:
            use: the caller's, which is active.
            active: of all active callers, by name, with this one.
            now: `Clock.monotonic`.

        Returns:
            0.0, or the seconds to wait where nothing was taken.
        """
        bucket = self.bucket
        wait = bucket.wait(now)
        sharers = len(active)
        if sharers > 1:
            part = use.share_tokens = self._part(use, sharers, now)
            use.share_at = now
            if part < ONE:
                kept = sum(self._part(other, sharers, now) for other in active.values() if other is not use)
                if wait or bucket.tokens - ONE < kept:
                    return max(wait, (1 - part) * sharers / bucket.rate)
                # Beyond the caller's part, from what no other caller has a claim to; that is no debt.
                use.share_tokens = 1.0
        if not wait:
            bucket.tokens -= 1
            use.share_tokens -= 1
        return wait

    def _part(self, use: CallerUse, sharers: int, now: float) -> float:
        return min(use.share_tokens + (now - use.share_at) * self.bucket.rate / sharers, self._most(sharers))

    def _most(self, sharers: int) -> float:
        return max(1.0, self.bucket.capacity / sharers)
