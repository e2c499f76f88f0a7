"""Adapter: what a request waits for that cannot be sent at once.

Owns the waiting for a token and for a connection, and how long each took. Refuses to know what is sent.
"""

from __future__ import annotations

from collections.abc import Callable

from fla_gateway.oauth.model import AccessToken
from fla_gateway.proxy.exchange.served_profile import ServedProfile
from fla_gateway.proxy.exchange.timings import Timings
from fla_gateway.proxy.upstream.connection import ApiConnection


async def acquire_token(served: ServedProfile, now: Callable[[], float], timings: Timings) -> AccessToken:
    """Wait for a usable token.

    Args:
        served: of the profile.
        now: `Clock.monotonic`.
        timings: takes the duration.

    Raises:
        ProblemError: with origin ``token-server``.
    """
    begun = now()
    token = served.entry.current(begun) or await served.entry.obtain()
    timings.token_seconds += now() - begun
    return token


async def acquire_connection(
    served: ServedProfile, now: Callable[[], float], timings: Timings, *, changing: bool, fresh: bool, caller: str
) -> ApiConnection:
    """Wait for a connection.

    Args:
        served: of the profile.
        now: `Clock.monotonic`.
        timings: takes the duration.
        changing: as for `Pool.take`.
        fresh: as for `Pool.acquire`.
        caller: as for `Pool.acquire`.

    Raises:
        ProblemError: with origin ``network``, or ``overloaded``.
    """
    asked = now()
    connection = await served.connection(asked, changing=changing, fresh=fresh, caller=caller)
    timings.connection_seconds += now() - asked
    return connection
