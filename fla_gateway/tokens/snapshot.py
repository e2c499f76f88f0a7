"""Value: the public state of one token entry; for metrics, status and logs.

Owns the shape. Refuses to hold the token.
"""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple

from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth.model import TokenRequest


class TokenFailure(NamedTuple):
    """The last attempt that brought no token.

    Attributes:
        code: a problem code of origin ``token-server``.
        detail: what happened, and what to do; printable, without secrets.
        seconds_ago: since it failed.
    """

    code: str
    detail: str
    seconds_ago: float


class HeldBrake(NamedTuple):
    """A brake on a service: it keeps refusing good tokens, or has throttled requests.

    Attributes:
        profile: name of the profile; empty for services that are not distinguished.
        service: name of the API, or `OTHER_SERVICE`.
        seconds: for how long the brake still holds.
    """

    profile: str
    service: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TokenSnapshot:
    """One entry of the token cache at one moment.

    Attributes:
        request: what the entry is for.
        state: ``fresh``, ``stale``, ``expired``, ``none``, or ``idle``: it has expired unused, and the next call has
            another one fetched.
        age_seconds: since the token was asked for, or None without a token.
        expires_in_seconds: to the end of its life, or None without a token; negative after it.
        backoff_seconds: until the next attempt may be made; 0 without a back-off.
        mints: finished attempts by result: ``ok`` or a problem code.
        renewal_seconds: until another token is asked for without a call; 0 while that is being done, None where the
            token of this life has not been used and only a call has another one fetched.
        failures: failed attempts since the last good one.
        last_failure: also one that has been made good since, or None.
        brakes: services under the brake.
    """

    request: TokenRequest
    state: str
    age_seconds: float | None
    expires_in_seconds: float | None
    backoff_seconds: float
    mints: dict[str, int] = field(default_factory=dict)
    renewal_seconds: float | None = 0.0
    failures: int = 0
    last_failure: TokenFailure | None = None
    brakes: tuple[HeldBrake, ...] = ()
