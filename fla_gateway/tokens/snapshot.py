"""Value: what the outside may see of one token entry; for metrics, status and logs.

Owns the shape. Refuses to hold the token.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fla_gateway.oauth.model import TokenRequest


@dataclass(frozen=True, slots=True)
class TokenSnapshot:
    """One entry of the token cache at one moment.

    Attributes:
        request: what the entry is for.
        state: ``fresh``, ``stale``, ``expired`` or ``none``.
        age_seconds: since the token was asked for, or None without a token.
        expires_in_seconds: to the end of its life, or None without a token; negative after it.
        backoff_seconds: until the next attempt may be made; 0 without a back-off.
        mints: finished attempts by result: ``ok`` or a problem code.
    """

    request: TokenRequest
    state: str
    age_seconds: float | None
    expires_in_seconds: float | None
    backoff_seconds: float
    mints: dict[str, int] = field(default_factory=dict)
