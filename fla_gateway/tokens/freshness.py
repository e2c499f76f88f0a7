"""Rule: how long a token is used, and from when a new one is fetched beside it.

Owns the two deadlines. Refuses to know what fetches tokens, and to read a clock.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth.model import AccessToken
from fla_gateway.oauth.token_response import LONGEST_LIFETIME

SHORTEST_USE: Final = 1.0
"""Seconds that any token is used after its arrival, so that a lifetime of 0 never means one fetch per request."""
MARGIN: Final = 10.0
"""Seconds before the end of its life at which a token is no longer used: a request needs time to arrive."""
MARGIN_SHARE: Final = 0.1
"""The margin as a share of a short life."""

MOST_ENDINGS: Final = 3
"""Times in a row that a token is taken for one about to be replaced (`has_ended`); beyond, its server is stuck."""


class Freshness(Enum):
    """What may be done with a token."""

    FRESH = "fresh"
    """Use it."""
    STALE = "stale"
    """Use it, and have another one fetched."""
    EXPIRED = "expired"
    """Wait for another one."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Two moments of `Clock.monotonic`: from `soft` on a token is stale, from `hard` on it is expired."""

    soft: float
    hard: float


def soft_fraction(random: float) -> float:
    """Spread the soft deadline over 50 to 75 % of a life.

    Args:
        random: a number in [0, 1), drawn once per entry, so that entries do not all refresh at once.
    """
    return 0.5 + 0.25 * random


def deadlines(token: AccessToken, arrived: float, fraction: float) -> Deadlines:
    """Compute both deadlines of a token.

    Args:
        token: with its lifetime in seconds and the moment before it was asked for.
        arrived: `Clock.monotonic` when it was there.
        fraction: share of its life after which it is stale.
    """
    life = min(max(token.lifetime, 0.0), LONGEST_LIFETIME)
    margin = min(MARGIN, MARGIN_SHARE * life)
    hard = max(token.obtained + life - margin, arrived + SHORTEST_USE)
    soft = max(token.obtained + fraction * life, arrived + fraction * SHORTEST_USE)
    return Deadlines(min(soft, hard), hard)


def has_ended(token: AccessToken, former: AccessToken | None) -> bool:
    """Return whether a token is an earlier one whose life has been counted down to nothing.

    Some token servers give the same token until it ends, each time with what is left of its life. Of the last one
    nothing is left, for a second at most; any other token without a life has it assumed.

    Args:
        token: that has arrived.
        former: the last one that was no such token, or None.
    """
    return token.over and former is not None and not former.over and former.value == token.value


def freshness(limits: Deadlines, now: float) -> Freshness:
    """Judge a token by its deadlines."""
    if now < limits.soft:
        return Freshness.FRESH
    return Freshness.STALE if now < limits.hard else Freshness.EXPIRED
