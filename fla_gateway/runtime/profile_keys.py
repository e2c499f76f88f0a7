"""Root: what a key that becomes known makes of the profiles that use it.

Owns the keys that are known so far, and the moment at which a certificate becomes valid. Refuses to know how keys are
loaded, and to answer calls: whether a profile is served is a state of `proxy.exchange.served_profile`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.errors import UnusableKeyError
from fla_gateway.oauth.assertion import SigningKey
from fla_gateway.profiles import Profile
from fla_gateway.runtime.composition.gateway import Gateway
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.signing_keys import signing_key, why_unusable

if TYPE_CHECKING:  # read where keys are many
    from fla_gateway.runtime.key_loading.loader import KeyLoading
    from fla_gateway.runtime.key_loading.worker_processes import Outcome

_LOG = structlog.get_logger()
_LONGEST_SLEEP: Final = 60.0
"""Seconds after which the host's clock is read again: it may be set, and does not advance while a machine sleeps."""


class ProfileKeys:
    """The keys of a configuration, as they become known.

    Attributes:
        known: by name.
        signing: those that can be used and are, for the token client, by `TokenRequest.key_id`.
        unavailable: why profiles cannot be served, by name.
        valid_from: when certificates become valid that are not yet, by name of the key.
    """

    def __init__(self, configured: Configured) -> None:
        """Take the profiles; no key is known yet."""
        self.known: dict[str, Outcome] = {}
        self.signing: dict[str, SigningKey] = {}
        self.unavailable: dict[str, str] = {}
        self.valid_from: dict[str, datetime] = {}
        self._profiles: dict[str, list[Profile]] = {}
        self._ids: dict[str, set[str]] = {}
        for profile in configured.profiles:
            self._profiles.setdefault(profile.token_request.key, []).append(profile)
            self._ids.setdefault(profile.token_request.key, set()).add(profile.token_request.key_id)

    def learn(self, name: str, outcome: Outcome) -> tuple[Profile, ...]:
        """Take what was found for a key; say it in the log, and give the profiles that it decides about."""
        self.known[name] = outcome
        self.valid_from.pop(name, None)
        if isinstance(outcome, UnusableKeyError):
            if outcome.valid_from is not None:
                self.valid_from[name] = outcome.valid_from
        else:
            self.signing.update(dict.fromkeys(self._ids.get(name, ()), signing_key(outcome)))
            for warning in outcome.warnings:
                _LOG.warning("key-warning", key=name, warning=warning)
        profiles = tuple(self._profiles.get(name, ()))
        for profile in profiles:
            self._judge(profile, outcome)
        return profiles

    def _judge(self, profile: Profile, outcome: Outcome) -> None:
        reason = why_unusable(profile, outcome)
        if reason is None:
            self.unavailable.pop(profile.name, None)
            return
        self.unavailable[profile.name] = reason
        _LOG.error("profile-unavailable", profile=profile.name, reason=reason)

    def due(self, now: datetime) -> tuple[str, ...]:
        """Name the keys whose certificates have become valid."""
        return tuple(name for name, moment in self.valid_from.items() if moment <= now)


class Activation:
    """Serves profiles as soon as their keys allow it."""

    def __init__(self, keys: ProfileKeys, gateway: Gateway, load: Callable[[str], Outcome], clock: Clock) -> None:
        """Take the parts.

        Args:
            keys: those that are known.
            gateway: the generation whose profiles they are.
            load: loads one key; never raises.
            clock: the host's clocks.
        """
        self._keys = keys
        self._gateway = gateway
        self._load = load
        self._clock = clock

    async def run(self, loading: KeyLoading | None) -> None:
        """Work until every key is known and every certificate valid, or until cancelled.

        Args:
            loading: the keys that are not known yet, or None.
        """
        if loading is not None:
            for account in self._gateway.generation.accounts.values():
                if account.state == "loading":
                    account.wanted = partial(loading.want, account.profile.token_request.key)
            began = self._clock.monotonic()
            try:
                await loading.run(self._apply)
            finally:
                loading.close()
            states = self._gateway.generation.profile_states()
            seconds = round(self._clock.monotonic() - began, 3)
            _LOG.info("keys-loaded", keys=len(self._keys.known), seconds=seconds, **_counts(states))
        while self._keys.valid_from:
            await asyncio.sleep(self._seconds())
            for name in self._keys.due(self._now()):
                self._apply(name, await asyncio.to_thread(self._load, name))
                _LOG.info("certificate-valid", key=name)

    def _apply(self, name: str, outcome: Outcome) -> None:
        for profile in self._keys.learn(name, outcome):
            reason = self._keys.unavailable.get(profile.name)
            if reason is None:
                self._gateway.serve(profile.name)
            else:
                self._gateway.generation.accounts[profile.name].withhold(reason)

    def _seconds(self) -> float:
        first = min(self._keys.valid_from.values())
        return min(_LONGEST_SLEEP, max(0.0, (first - self._now()).total_seconds()))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC)


def _counts(states: Mapping[str, int]) -> dict[str, int]:
    return {"served": states.get("served", 0), "unavailable": states.get("unavailable", 0)}
