"""A served profile: whether it is served, its token, its connections, and the bytes that all its requests share.

Owns the state of a profile (loading, served or unavailable), and joins profile, token entry and pool. Refuses to know
exchanges, and what decides the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol

from fla_gateway.access.limits.api_brake import ApiBrake
from fla_gateway.access.refusal import Refusal
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Profile
from fla_gateway.proxy.admission.admission_control import JudgedProfile
from fla_gateway.proxy.messages.location import Address
from fla_gateway.proxy.messages.request_fields import closing_fields, host_field, token_id
from fla_gateway.proxy.upstream.connection import ApiConnection
from fla_gateway.proxy.upstream.pool import Pool

if TYPE_CHECKING:  # read where limits are configured
    from fla_gateway.access.limits.limiter import Limiter


State = Literal["loading", "served", "unavailable"]
_UNAVAILABLE: Final = Refusal(
    "profile-unavailable",
    Text(
        "The key of this profile cannot be used, so nothing is sent. The gateway's operator sees the reason on the "
        "status page and in the log."
    ),
)
_LOADING: Final = Refusal(
    "profile-loading",
    Text(
        "The key of this profile is still being loaded, since the gateway has just been started; send the request "
        "again."
    ),
    1,
)


class TokenEntry(Protocol):
    """The profile's place in the token cache, as the data path sees it."""

    def current(self, now: float) -> AccessToken | None:
        """Return the token if it is usable now; never waits."""
        ...

    async def obtain(self) -> AccessToken:
        """Return a usable token, waiting for one; raises ProblemError with origin ``token-server``."""
        ...

    def refused(self, token: AccessToken, profile: str, service: str, now: float, *, replays: bool) -> bool:
        """Note that a service refused the token; return whether a retry with another one makes sense.

        Args:
            token: the very token that was sent.
            profile: its name.
            service: see `tokens.entry.TokenEntry.refused`.
            now: `Clock.monotonic`.
            replays: whether the call is sent again at once if this returns True.
        """
        ...


class _NoTokens:
    """The token entry of a profile that is not served: no request reaches it."""

    def current(self, now: float) -> AccessToken | None:  # noqa: ARG002 - see `TokenEntry`
        return None

    async def obtain(self) -> AccessToken:
        raise ProblemError("profile-loading", Text("The key of this profile is not known yet."), 1)

    def refused(self, token: AccessToken, profile: str, service: str, now: float, *, replays: bool) -> bool:  # noqa: ARG002 - as above
        return False


class ServedProfile(JudgedProfile):
    """A profile of the configuration. It is being loaded until `serve` or `withhold` is called.

    Attributes:
        wanted: called when a call meets it while it is being loaded, or None.
        state: whether it is served.
        entry: its place in the token cache.
        addresses: what addresses in answers become, by `RequestReader.kind`.
    """

    __slots__ = (
        "_closing", "_hash_key", "_token", "_token_id", "_why", "addresses", "entry", "host_field", "pool", "profile",
        "state", "wanted",
    )  # fmt: skip

    def __init__(
        self,
        profile: Profile,
        pool: Pool,
        hash_key: bytes,
        limiter: Limiter | None = None,
        brake: ApiBrake | None = None,
    ) -> None:
        """Join the parts.

        Args:
            profile: the resolved profile.
            pool: its connections.
            hash_key: key of `token_id`.
            limiter: its limits, if there are any.
            brake: what its API has asked for before; None: nothing.
        """
        super().__init__(profile.name, ApiBrake() if brake is None else brake, limiter, _LOADING)
        self.profile = profile
        self.state: State = "loading"
        self.wanted: Callable[[], None] | None = None
        self.entry: TokenEntry = _NoTokens()
        self.pool = pool
        self.addresses = tuple(
            Address(profile.upstream, prefix, scheme)
            for scheme in (b"http", b"https")
            for prefix in (b"/" + profile.name.encode(), b"")
        )
        self.host_field = host_field(profile.upstream)
        self._hash_key = hash_key
        self._why = ""
        self._token: AccessToken | None = None
        self._token_id = ""
        self._closing = (b"", b"")

    def serve(self, entry: TokenEntry) -> None:
        """Serve its calls from now on.

        Args:
            entry: its place in the token cache.
        """
        self.state, self.refusal, self.entry, self.wanted = "served", None, entry, None

    def withhold(self, reason: Text) -> None:
        """Refuse its calls from now on.

        Args:
            reason: what keeps it from being served, with a cure; for the operator alone, since it may name files.
        """
        self.state, self.refusal, self.wanted = "unavailable", _UNAVAILABLE, None
        self._why = reason

    def refuse(self) -> Refusal:
        """See `admission.admission_control.JudgedProfile`: a profile that is called is loaded before others."""
        if self.wanted is not None:
            self.wanted()
        return super().refuse()

    @property
    def unavailable_reason(self) -> str:
        """Why it cannot be served; empty while it is, or may be yet."""
        return self._why if self.state == "unavailable" else ""

    def closing_fields(self, token: AccessToken, minor: int) -> bytes:
        """Return the end of a request head with this token; built once per token and HTTP version."""
        if token is not self._token:
            self._see(token)
        return self._closing[minor]

    def token_id(self, token: AccessToken) -> str:
        """Return the name of a token in records."""
        if token is not self._token:
            self._see(token)
        return self._token_id

    def _see(self, token: AccessToken) -> None:
        self._token = token
        self._closing = (closing_fields(token, 0), closing_fields(token, 1))
        self._token_id = token_id(token, self._hash_key)

    async def connection(self, now: float, *, changing: bool, fresh: bool, caller: str = "") -> ApiConnection:
        """Return a connection, waiting for one if none is idle.

        Args:
            now: `Clock.monotonic`.
            changing: as for `Pool.take`.
            fresh: as for `Pool.acquire`.
            caller: as for `Pool.acquire`.

        Raises:
            ProblemError: with origin ``network``, or ``overloaded``.
        """
        found = None if fresh else self.pool.take(now, changing=changing)
        return found or await self.pool.acquire(changing=changing, fresh=fresh, caller=caller)
