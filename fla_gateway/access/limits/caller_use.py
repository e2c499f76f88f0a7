"""State: what one caller may use of a profile, and what it uses.

Owns the own limits of a caller, and whether it still counts as active. Refuses to know the limits of the profile and
other callers.
"""

from __future__ import annotations

import math
from typing import Final

from fla_gateway.access.limits.token_bucket import TokenBucket
from fla_gateway.config.schema import Limits

ACTIVE_SECONDS: Final = 5.0
"""How long a caller counts as active after its last exchange, or its last refused request."""
_UNLIMITED: Final = 2**62


class CallerUse:
    """What one caller may use, and what it uses."""

    __slots__ = (
        "active", "bucket", "claim", "claimed_until", "expected", "limited", "most", "name", "running", "seen",
        "share_at", "share_tokens",
    )  # fmt: skip

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.bucket: TokenBucket | None = None
        self.limit(limits)
        self.running = 0
        self.active = False
        self.seen = -math.inf
        # Earliest retry time after a refusal for the profile's rate; the caller keeps its share until then.
        self.expected = -math.inf
        # The caller's part of the profile's bucket, kept while others are active as well.
        self.share_tokens = 0.0
        self.share_at = 0.0
        # Since when the caller waits for a free exchange, where there are fewer of them than active callers.
        self.claim = math.inf
        self.claimed_until = -math.inf

    def limit(self, limits: Limits) -> None:
        """Set the caller's own limits; a rate that stays goes on where it was."""
        self.most = _UNLIMITED if limits.concurrent is None else limits.concurrent
        if limits.per_second is None:
            self.bucket = None
        elif self.bucket is None or self.bucket.rate != limits.per_second:
            self.bucket = TokenBucket(limits.per_second)
        self.limited = self.bucket is not None or limits.concurrent is not None

    def gone(self, now: float) -> bool:
        """Return whether the caller has nothing running, and has been inactive for a while."""
        return not self.running and now >= max(self.seen, self.expected) + ACTIVE_SECONDS

    def unused(self, share: int) -> int:
        """Return how many exchanges the caller may still begin within its share."""
        return max(0, min(share, self.most) - self.running)
