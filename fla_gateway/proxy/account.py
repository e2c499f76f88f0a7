"""One profile at work: its token, its connections, and the bytes of its requests that are always the same.

Owns the meeting of profile, token entry and pool. Refuses to know exchanges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fla_gateway.access.api_brake import ApiBrake
from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Profile
from fla_gateway.proxy.pool import Pool
from fla_gateway.proxy.request_fields import closing_fields, host_field, token_id
from fla_gateway.proxy.response_fields import Address
from fla_gateway.proxy.upstream import ApiConnection

if TYPE_CHECKING:  # read where limits are configured
    from fla_gateway.access.limits import Limiter


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
    """A profile that can be served.

    Attributes:
        addresses: what addresses in answers become, by `Door.kind`.
        limiter: its limits and its callers', or None.
        brake: what its API has asked for.
    """

    __slots__ = (
        "_closing", "_hash_key", "_token", "_token_id", "addresses", "brake", "entry", "host_field", "limiter", "name",
        "pool", "profile",
    )  # fmt: skip

    def __init__(
        self, profile: Profile, entry: TokenEntry, pool: Pool, hash_key: bytes, limiter: Limiter | None = None
    ) -> None:
        """Join the parts.

        Args:
            profile: the resolved profile.
            entry: its place in the token cache.
            pool: its connections.
            hash_key: key of `token_id`.
            limiter: its limits, if there are any.
        """
        self.profile = profile
        self.name = profile.name
        self.entry = entry
        self.pool = pool
        self.limiter = limiter
        self.brake = ApiBrake()
        self.addresses = tuple(
            Address(profile.upstream, prefix, scheme)
            for scheme in (b"http", b"https")
            for prefix in (b"/" + profile.name.encode(), b"")
        )
        self.host_field = host_field(profile.upstream)
        self._hash_key = hash_key
        self._token: AccessToken | None = None
        self._token_id = ""
        self._closing = (b"", b"")

    def closing_fields(self, token: AccessToken, minor: int) -> bytes:
        """Give the end of a request head with this token; written once per token and HTTP version."""
        if token is not self._token:
            self._see(token)
        return self._closing[minor]

    def token_id(self, token: AccessToken) -> str:
        """Give the name of a token in records."""
        if token is not self._token:
            self._see(token)
        return self._token_id

    def _see(self, token: AccessToken) -> None:
        self._token = token
        self._closing = (closing_fields(token, 0), closing_fields(token, 1))
        self._token_id = token_id(token, self._hash_key)

    async def connection(self, now: float, *, changing: bool, fresh: bool) -> ApiConnection:
        """Give a connection, waiting for one if none is at hand.

        Args:
            now: `Clock.monotonic`.
            changing: as for `Pool.take`.
            fresh: as for `Pool.acquire`.

        Raises:
            ProblemError: with origin ``network``, or ``overloaded``.
        """
        found = None if fresh else self.pool.take(now, changing=changing)
        return found or await self.pool.acquire(changing=changing, fresh=fresh)
