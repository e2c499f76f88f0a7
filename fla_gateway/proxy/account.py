"""One profile at work: its token, its connections, and the bytes of its requests that are always the same.

Owns the meeting of profile, token entry and pool. Refuses to know exchanges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Profile
from fla_gateway.proxy.headers import Address, closing_fields, host_field
from fla_gateway.proxy.pool import Pool
from fla_gateway.proxy.upstream import ApiConnection


class TokenEntry(Protocol):
    """The profile's place in the token cache, as the data path sees it."""

    def current(self, now: float) -> AccessToken | None:
        """Give the token if it is usable now; never waits."""
        ...

    async def obtain(self) -> AccessToken:
        """Give a usable token, waiting for one; raises ProblemError with origin ``token-server``."""
        ...

    def refused(self, token: AccessToken, profile: str, service: str, now: float) -> bool:
        """Take note that a service refused the token; tell whether asking again with another one makes sense."""
        ...


class Account:
    """A profile that can be served."""

    __slots__ = ("_closing", "_token", "address", "direct_address", "entry", "host_field", "name", "pool", "profile")

    def __init__(self, profile: Profile, entry: TokenEntry, pool: Pool) -> None:
        """Join the parts.

        Args:
            profile: the resolved profile.
            entry: its place in the token cache.
            pool: its connections.
        """
        self.profile = profile
        self.name = profile.name
        self.entry = entry
        self.pool = pool
        self.address = Address(profile.upstream, b"/" + profile.name.encode())
        self.direct_address = Address(profile.upstream, b"")
        self.host_field = host_field(profile.upstream)
        self._token: AccessToken | None = None
        self._closing = (b"", b"")

    def closing_fields(self, token: AccessToken, minor: int) -> bytes:
        """Give the end of a request head with this token; written once per token and HTTP version."""
        if token is not self._token:
            self._token = token
            self._closing = (closing_fields(token, 0), closing_fields(token, 1))
        return self._closing[minor]

    async def ready(
        self, now: Callable[[], float], *, changing: bool, fresh: bool
    ) -> tuple[AccessToken, ApiConnection]:
        """Give a usable token and a connection, waiting for whichever is not at hand.

        Args:
            now: `Clock.monotonic`.
            changing: as for `Pool.take`.
            fresh: as for `Pool.acquire`.

        Raises:
            ProblemError: with origin ``token-server`` or ``network``, or ``overloaded``.
        """
        token = self.entry.current(now()) or await self.entry.obtain()
        connection = None if fresh else self.pool.take(now(), changing=changing)
        if connection is None:
            connection = await self.pool.acquire(changing=changing, fresh=fresh)
            token = self.entry.current(now()) or token
        return token, connection
