"""Root: the served profiles of a configuration, with what they take over from the generation before.

Owns what a profile of the same name keeps: its pool, as long as the way to its API is the same; its limiter, as long as
there are limits at all; its brake, as long as its API is the same. Refuses to decide whether a profile is served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from fla_gateway.access.limits.api_brake import ApiBrake
from fla_gateway.clock import Clock
from fla_gateway.config.schema import Configuration, Limits
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.route import Egress
from fla_gateway.profiles import Profile
from fla_gateway.proxy.exchange.served_profile import ServedProfile
from fla_gateway.proxy.upstream.connector import Connector
from fla_gateway.proxy.upstream.pool import Pool

if TYPE_CHECKING:  # read where limits are configured
    from fla_gateway.access.limits.limiter import Limiter

Tls = Callable[[Path | None], SSLContext]
"""Gives the verifying context for an environment's further roots."""
_NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Way:
    """The way to the APIs, for all profiles.

    Attributes:
        tls: contexts for it.
        dialer: opens connections.
        egress: the corporate proxy, or None.
        clock: the host's clocks.
        hints: gives sentences that may explain why an API is not trusted.
    """

    tls: Tls
    dialer: Dialer
    egress: Egress | None
    clock: Clock
    hints: Callable[[], Text]

    def is_same(self, other: Way, ca_file: Path | None) -> bool:
        """Return whether both lead to the same servers with the same trust.

        Args:
            other: the other one.
            ca_file: further roots of the environment.
        """
        same = self.dialer is other.dialer and self.clock is other.clock and self.egress == other.egress
        return same and self.tls(ca_file) is other.tls(ca_file)


@dataclass(frozen=True, slots=True)
class Before:
    """The generation before.

    Attributes:
        configuration: its configuration.
        way: its way to the APIs.
        profiles: its profiles.
    """

    configuration: Configuration
    way: Way
    profiles: Mapping[str, ServedProfile]


def served_profile(
    profile: Profile, configuration: Configuration, way: Way, hash_key: bytes, before: Before | None
) -> ServedProfile:
    """Make a served profile; it is being loaded.

    Args:
        profile: as resolved.
        configuration: its configuration.
        way: to its API.
        hash_key: for the hashes of tokens in records.
        before: may have a profile of this name; None at the start.
    """
    old = None if before is None else before.profiles.get(profile.name)
    if before is None or old is None:
        return ServedProfile(profile, _pool(profile, configuration, way), hash_key, _limiter(profile, configuration))
    same_api = old.profile.upstream == profile.upstream
    same_way = same_api and before.way.is_same(way, profile.upstream.ca_file)
    same_way = same_way and _pooling(before.configuration) == _pooling(configuration)
    limiter = _limiter(profile, configuration)
    if limiter is not None and old.limiter is not None:
        # It counts what runs; its limits become the new ones when the generation is published.
        limiter = old.limiter
    return ServedProfile(
        profile,
        old.pool if same_way else _pool(profile, configuration, way),
        hash_key,
        limiter,
        old.brake if same_api else ApiBrake(),
    )


def limits_changed(profile: str, before: Configuration, configuration: Configuration) -> bool:
    """Return whether the limits of a profile of both configurations, or those of its callers, are other ones now.

    Args:
        profile: its name, in both configurations.
        before: the configuration in force.
        configuration: the next one.
    """
    return _limits(profile, before) != _limits(profile, configuration)


def _pool(profile: Profile, configuration: Configuration, way: Way) -> Pool:
    tls = way.tls(profile.upstream.ca_file)
    connector = Connector(
        profile.upstream, tls, way.egress, configuration.gateway.timeouts.connect, way.dialer, way.hints
    )
    return Pool(profile.name, configuration.gateway.pool, connector.open, way.clock.monotonic)


def _pooling(configuration: Configuration) -> object:
    return configuration.gateway.pool, configuration.gateway.timeouts.connect


def _limits(profile: str, configuration: Configuration) -> object:
    callers = {name: caller.limits for name, caller in configuration.callers.items()}
    return configuration.profiles[profile].limits, callers


def _limiter(profile: Profile, configuration: Configuration) -> Limiter | None:
    callers = (caller.limits for caller in configuration.callers.values())
    if all(limits == _NO_LIMITS for limits in (configuration.profiles[profile.name].limits, *callers)):
        return None
    from fla_gateway.access.limits.limiter import limiter_for  # noqa: PLC0415 - see TYPE_CHECKING above

    return limiter_for(configuration.profiles[profile.name], configuration.callers)
