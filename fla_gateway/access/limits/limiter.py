"""Rule with state: how much callers may ask of one profile at once, and how they share its limits.

Owns the limits of a profile and of its callers, and which callers are active in it. Refuses to read a clock, to delay a
request and to know what one is: a request that exceeds a limit is refused (see `limit_refusals`), and may be retried.

Every active caller has an equal share of a limit of the profile. One caller alone may use all of it; as soon as another
one appears, the unused part of its share is kept free for it. So a flood from one caller takes nothing away from the
others, and a caller that has just been refused finds its share when it retries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from fla_gateway.access.limits import limit_refusals
from fla_gateway.access.limits.caller_use import CallerUse
from fla_gateway.access.limits.shared_rate import SharedRate
from fla_gateway.access.refusal import Refusal
from fla_gateway.config.schema import CallerTable, Limits, ProfileTable

CLAIM_SECONDS: Final = 2.0
"""How long an exchange is kept for a refused caller where callers outnumber them; Retry-After was 1 second."""
NO_LIMIT: Final = -1

_SWEEP_SECONDS: Final = 0.25
_NO_LIMITS: Final = Limits()


class Limiter:
    """The limits of one profile.

    Args:
        profile_limits: of all callers together.
        caller_limits: of each caller, by name.
    """

    def __init__(self, profile_limits: Limits, caller_limits: Mapping[str, Limits]) -> None:
        self._uses: dict[str, CallerUse] = {}
        self._rate: SharedRate | None = None
        # The caller that is active alone and has no limits of its own: nothing is judged for it while there is room,
        # which is nearly always so. A rate is judged each time. While it is alone, all that runs belongs to it, and is
        # counted once.
        self._alone: CallerUse | None = None
        self._running = 0
        self._active: dict[str, CallerUse] = {}
        self._sweep_at = -math.inf
        self.limit(profile_limits, caller_limits, 0.0)

    def limit(self, profile_limits: Limits, caller_limits: Mapping[str, Limits], now: float) -> None:
        """Set other limits; what runs goes on and is counted, and a rate that stays goes on where it was.

        Args:
            profile_limits: as for the constructor.
            caller_limits: as for the constructor; a caller that is not among them any more has none of its own.
            now: `Clock.monotonic`.
        """
        self._settle_alone()
        self._alone = None
        for name in [it for it, use in self._uses.items() if it not in caller_limits and not use.running]:
            del self._uses[name]
        for name, use in self._uses.items():
            use.limit(caller_limits.get(name, _NO_LIMITS))
        self._uses |= {name: CallerUse(name, it) for name, it in caller_limits.items() if name not in self._uses}
        self._most = profile_limits.concurrent
        rate = profile_limits.per_second
        if rate is None or self._rate is None or self._rate.bucket.rate != rate:
            self._rate = None if rate is None else SharedRate(rate)
        self._shared = self._most is not None or self._rate is not None
        self._unquestioned = 0 if self._most is None or self._rate is not None else self._most
        self._body = _smaller(profile_limits.body_bytes, None)
        self._bodies = {name: _smaller(profile_limits.body_bytes, it.body_bytes) for name, it in caller_limits.items()}
        # Who is active joins anew: what is shared may be another amount now.
        active = [use for use in self._uses.values() if use.active or use.running]
        self._active.clear()
        for use in active:
            use.active = False
            if self._shared:
                self._join(use, now)
                # The first is not alone yet: others that run are still to join.
                self._alone = None

    def count_running(self, caller: str, now: float) -> None:
        """Count an exchange that began before this limiter was there; `leave` must follow.

        Args:
            caller: its name.
            now: `Clock.monotonic`.
        """
        use = self._uses.get(caller) or self._first(caller)
        if self._shared and not use.active:
            self._join(use, now)
        self._settle_alone()
        self._alone = None
        use.seen = now
        use.running += 1
        self._running += 1

    def enter(self, caller: str, now: float, length: int = 0) -> Refusal | None:
        """Judge a request, and count it as running if it may go on; then `leave` must follow.

        Args:
            caller: its name; empty where no proof of a caller is required.
            now: `Clock.monotonic`.
            length: bytes of its body; 0 or less where that is not known yet: see `beyond_body`.

        Returns:
            None, or why the request is refused; it has used up nothing then.
        """
        if length > 0:
            refusal = self.beyond_body(caller, length)
            if refusal is not None:
                return refusal
        use = self._alone
        if use is None or use.name != caller or self._running >= self._unquestioned:
            use = self._uses.get(caller) or self._first(caller)
            refusal = self._judge(use, now)
            if refusal is not None:
                return refusal
            use.running += 1
        self._running += 1
        return None

    def _first(self, caller: str) -> CallerUse:
        use = self._uses[caller] = CallerUse(caller, _NO_LIMITS)
        return use

    def _judge(self, use: CallerUse, now: float) -> Refusal | None:
        if self._shared:
            if now >= self._sweep_at:
                self._sweep(now)
            if not use.active:
                self._join(use, now)
            use.seen = now
        refusal = _beyond_own(use, now) if use.limited else None
        if refusal is None and self._shared:
            refusal = self._beyond_shared(use, now)
        if refusal is None and use.bucket is not None:
            use.bucket.tokens -= 1
        return refusal

    def leave(self, caller: str, now: float) -> None:
        """Take note of the end of an exchange that `enter` let through.

        Args:
            caller: its name.
            now: `Clock.monotonic`.
        """
        use = self._alone
        if use is None:
            use = self._uses[caller]
            use.running -= 1
        use.seen = now
        self._running -= 1

    def beyond_body(self, caller: str, size: int) -> Refusal | None:
        """Judge the size of a request's body.

        Args:
            caller: its name.
            size: bytes, as announced or as they have come so far.
        """
        most = self._bodies.get(caller, self._body)
        return limit_refusals.body_too_large(most) if 0 <= most < size else None

    def _beyond_shared(self, use: CallerUse, now: float) -> Refusal | None:
        if self._most is not None and not self._has_room(use, self._most, now):
            return limit_refusals.shared_concurrent(self._most, len(self._active))
        if self._rate is not None:
            wait = self._rate.take(use, self._active, now)
            if wait:
                use.expected = now + wait
                return limit_refusals.shared_rate(self._rate.bucket.rate, len(self._active), wait)
        return None

    def _has_room(self, use: CallerUse, most: int, now: float) -> bool:
        free = most - self._running
        sharers = len(self._active)
        if sharers == 1:
            return free > 0
        share = max(1, most // sharers)
        if use.running >= share:
            return free > sum(other.unused(share) for other in self._active.values() if other is not use)
        if sharers <= most:
            return free > 0
        return self._has_turn(use, free, now)

    def _has_turn(self, use: CallerUse, free: int, now: float) -> bool:
        """Admit refused callers in turn, where there are fewer exchanges than active callers."""
        if now >= use.claimed_until:
            use.claim = math.inf
        waiting = sum(it.claim < use.claim and now < it.claimed_until for it in self._active.values())
        if free > waiting:
            use.claim = math.inf
            return True
        use.claim = min(use.claim, now)
        use.claimed_until = now + CLAIM_SECONDS
        return False

    def _settle_alone(self) -> None:
        """Set the count of the caller that was alone, before the counts of single callers are needed."""
        if self._alone is not None:
            self._alone.running = self._running

    def _join(self, use: CallerUse, now: float) -> None:
        self._settle_alone()
        if self._rate is not None:
            self._rate.join(use, self._active.values(), len(self._active) + 1, now)
        use.active = True
        self._active[use.name] = use
        self._alone = use if len(self._active) == 1 and not use.limited else None

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + _SWEEP_SECONDS
        self._settle_alone()
        for use in [it for it in self._active.values() if it.gone(now)]:
            use.active = False
            del self._active[use.name]
        only = next(iter(self._active.values())) if len(self._active) == 1 else None
        self._alone = None if only is None or only.limited else only


def limiter_for(profile: ProfileTable, callers: Mapping[str, CallerTable]) -> Limiter | None:
    """Make the limiter of a profile, or None where nothing is limited.

    Args:
        profile: its table.
        callers: those of the configuration, by name.
    """
    limits = {name: caller.limits for name, caller in callers.items()}
    if all(it == _NO_LIMITS for it in (profile.limits, *limits.values())):
        return None
    return Limiter(profile.limits, limits)


def _smaller(one: int | None, other: int | None) -> int:
    return min((it for it in (one, other) if it is not None), default=NO_LIMIT)


def _beyond_own(use: CallerUse, now: float) -> Refusal | None:
    if use.running >= use.most:
        return limit_refusals.own_concurrent(use.name, use.running)
    if use.bucket is None:
        return None
    wait = use.bucket.wait(now)
    return limit_refusals.own_rate(use.name, use.bucket.rate, wait) if wait else None
