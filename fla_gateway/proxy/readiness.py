"""Port: what a request waits for that cannot be sent at once.

Owns the order: a token, the journal's word that the request is on the disk, a connection. Refuses to know what is sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fla_gateway.oauth.model import AccessToken
from fla_gateway.proxy.account import Account
from fla_gateway.proxy.trail import Trail
from fla_gateway.proxy.upstream import ApiConnection


async def ready(
    account: Account,
    now: Callable[[], float],
    trail: Trail,
    secure: Callable[[AccessToken], Awaitable[None]] | None,
    *,
    changing: bool,
    fresh: bool,
) -> tuple[AccessToken, ApiConnection]:
    """Wait for a usable token and a connection.

    Args:
        account: of the profile.
        now: `Clock.monotonic`.
        trail: takes the durations.
        secure: brings the request's intent to the disk, or None where nobody waits for that.
        changing: as for `Pool.take`.
        fresh: as for `Pool.acquire`.

    Raises:
        ProblemError: with origin ``token-server`` or ``network``, or ``overloaded``, or ``journal-unavailable``.
    """
    begun = now()
    token = account.entry.current(begun) or await account.entry.obtain()
    obtained = now()
    trail.token_seconds += obtained - begun
    if secure is not None:
        await secure(token)
    asked = now()
    connection = await account.connection(asked, changing=changing, fresh=fresh)
    connected = now()
    trail.connection_seconds += connected - asked
    # While a connection was opened, the token may have been replaced by a younger one.
    return account.entry.current(connected) or token, connection
