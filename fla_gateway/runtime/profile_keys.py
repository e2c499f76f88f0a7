"""Root: what a key that becomes known makes of the profiles that use it.

Owns the keys that are known so far, the moment at which a certificate becomes valid, and which profile keeps its former
key. Refuses to know how keys are loaded, and to answer calls: whether a profile is served is a state of
`proxy.exchange.served_profile`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys.model import Objection
from fla_gateway.oauth.assertion import SigningKey
from fla_gateway.profiles import Profile
from fla_gateway.runtime.composition.gateway import Gateway
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.signing_keys import Keys, signing_key, why_unusable

if TYPE_CHECKING:  # read where keys are many
    from fla_gateway.runtime.key_loading.loader import KeyLoading
    from fla_gateway.runtime.key_loading.worker_processes import Outcome

_LOG = structlog.get_logger()
_LONGEST_SLEEP: Final = 60.0
"""Seconds after which the host's clock is read again: it may be set, and does not advance while a machine sleeps."""


class ProfileKeys:
    """The keys of a configuration, as they become known.

    Attributes:
        configured: the configuration; of a profile that keeps its former key, the token request is the former one.
        known: by name.
        signing: those that can be used and are, for the token client, by `TokenRequest.key_id`.
        unavailable: why profiles cannot be served, by name.
        valid_from: when certificates become valid that are not yet, by name of the key.
        unread: keys that could not be had when their time had come: a disk or a limit may have been in the way.
        former: why the new key of a profile is not used, by the name of each profile that keeps its former one.
    """

    def __init__(self, configured: Configured, *, quiet: bool = False) -> None:
        """Take the profiles; no key is known yet.

        Args:
            configured: the configuration.
            quiet: whether the log gets nothing: the configuration is only judged.
        """
        self._quiet = quiet
        self.configured = configured
        self.known: dict[str, Outcome] = {}
        self.signing: dict[str, SigningKey] = {}
        self.unavailable: dict[str, Objection] = {}
        self.valid_from: dict[str, datetime] = {}
        self.unread: set[str] = set()
        self.former: dict[str, str] = {}
        self._shown_as_former: set[str] = set()
        self._profiles: dict[str, list[Profile]] = {}
        self._ids: dict[str, set[str]] = {}
        for profile in configured.profiles:
            self._profiles.setdefault(profile.token_request.key, []).append(profile)
            self._ids.setdefault(profile.token_request.key, set()).add(profile.token_request.key_id)

    def learn(self, name: str, outcome: Outcome, *, new: bool = True) -> tuple[Profile, ...]:
        """Take what was found for a key, and give the profiles that it decides about.

        Args:
            name: of the key.
            outcome: the key, or why it cannot be used.
            new: whether the log is to have what it says of the key: not of one that was taken over.
        """
        self.known[name] = outcome
        awaited = self.valid_from.pop(name, None) is not None or name in self.unread
        self.unread.discard(name)
        if isinstance(outcome, UnusableKeyError):
            if outcome.valid_from is not None:
                self.valid_from[name] = outcome.valid_from
            elif awaited:
                self.unread.add(name)
        else:
            self.signing.update(dict.fromkeys(self._ids.get(name, ()), signing_key(outcome)))
            for warning in outcome.warnings if new and not self._quiet else ():
                _LOG.warning("key-warning", key=name, warning=str(warning))
        profiles = tuple(it for it in self._profiles.get(name, ()) if it.name not in self.former)
        for profile in profiles:
            self._judge(profile, outcome)
        return profiles

    def _judge(self, profile: Profile, outcome: Outcome) -> None:
        reason = why_unusable(profile, outcome)
        if reason is None:
            self.unavailable.pop(profile.name, None)
            return
        known = self.unavailable.get(profile.name)
        self.unavailable[profile.name] = reason
        if reason != known and not self._quiet:
            _LOG.error("profile-unavailable", profile=profile.name, reason=str(reason))

    def take_over(self, before: ProfileKeys, served: Callable[[str], bool]) -> None:
        """Let profiles keep their former keys where the new ones cannot be used, and nothing else would be another.

        Args:
            before: the keys of the generation in force.
            served: whether a profile of that generation is served.
        """
        old = {it.name: it for it in before.configured.profiles}
        profiles: list[Profile] = []
        for profile in self.configured.profiles:
            former = old.get(profile.name)
            reason = self.unavailable.get(profile.name)
            if reason is None or former is None or not served(profile.name) or not _is_same_client(profile, former):
                profiles.append(profile)
                continue
            profiles.append(self._keep(profile, former, before, reason))
        self.configured = replace(self.configured, profiles=tuple(profiles))

    def _keep(self, profile: Profile, former: Profile, before: ProfileKeys, reason: Objection) -> Profile:
        key_id = former.token_request.key_id
        signing, outcome = before.signing.get(key_id), before.known.get(former.token_request.key)
        if signing is None or outcome is None:
            return profile
        self.signing[key_id] = signing
        if not isinstance(outcome, UnusableKeyError):
            # What is shown of the key is what is in force.
            self.known[profile.token_request.key] = outcome
            self._shown_as_former.add(profile.token_request.key)
        del self.unavailable[profile.name]
        self.former[profile.name] = str(reason)
        if not self._quiet:
            _LOG.error("former-key-kept", profile=profile.name, reason=reason)
        request = replace(
            profile.token_request, key_digest=former.token_request.key_digest, assertion=former.token_request.assertion
        )
        return replace(profile, token_request=request)

    def by_digest(self) -> Mapping[str, Outcome]:
        """Return what is worth taking over, by `TokenRequest.key_digest`: usable keys, and those that have to wait."""
        digests = self.configured.key_digests
        return {
            digests[name]: outcome
            for name, outcome in self.known.items()
            if name in digests
            and name not in self._shown_as_former
            and (not isinstance(outcome, UnusableKeyError) or outcome.valid_from is not None)
        }

    def kept_former(self, name: str) -> list[str]:
        """Name the profiles that a reload would serve with this key, and that keep their former one until then."""
        return [it.name for it in self._profiles.get(name, ()) if it.name in self.former]

    def due(self, now: datetime) -> tuple[str, ...]:
        """Name the keys whose certificates have become valid, and those that are still unread."""
        return (*(name for name, moment in self.valid_from.items() if moment <= now), *self.unread)


def _is_same_client(profile: Profile, former: Profile) -> bool:
    """Return whether a token that the former key gets is one for the same client at the same server."""
    new, old = profile.token_request, former.token_request
    names = ("client_id", "environment", "token_url", "audience")
    return all(getattr(new, name) == getattr(old, name) for name in names)


class Activation:
    """Serves profiles as soon as their keys allow it.

    Attributes:
        loaded: set once every key of the first generation is known.
    """

    def __init__(
        self,
        keys: ProfileKeys,
        gateway: Gateway,
        load: Callable[[str], Outcome],
        clock: Clock,
        note: Callable[[Iterable[Profile], Keys], None] = lambda *_: None,
        pause: float = _LONGEST_SLEEP,
    ) -> None:
        """Take the parts.

        Args:
            keys: those that are known.
            gateway: the generation whose profiles they are.
            load: loads one key; never raises.
            clock: the host's clocks.
            note: called with the profiles of which it has become known with which key they act from now on.
            pause: seconds after which an unread key is tried again, and the clock is read again.
        """
        self._note = note
        self._pause = pause
        self.loaded = asyncio.Event()
        self._changed = asyncio.Event()
        self._clock = clock
        self.follow(keys, gateway, load)

    @property
    def keys(self) -> ProfileKeys:
        """The keys of the generation in force."""
        return self._keys

    def follow(self, keys: ProfileKeys, gateway: Gateway, load: Callable[[str], Outcome]) -> None:
        """Serve the profiles of another generation from now on.

        Args:
            keys: of that generation.
            gateway: whose current generation it is.
            load: loads one key; never raises.
        """
        self._keys, self._gateway, self._load = keys, gateway, load
        self._note([it for it in keys.configured.profiles if it.token_request.key in keys.known], keys.known)
        self._changed.set()

    async def run(self, loading: KeyLoading | None) -> None:
        """Work until cancelled.

        Args:
            loading: the keys that are not known yet, or None.
        """
        if loading is not None:
            await self._load_rest(loading)
        self.loaded.set()
        while True:
            self._changed.clear()
            keys = self._keys
            for name in keys.due(self._now()):
                outcome = await asyncio.to_thread(self._load, name)
                if keys is self._keys:
                    self._apply(name, outcome)
                    if not isinstance(outcome, UnusableKeyError):
                        kept = keys.kept_former(name)
                        _LOG.info("certificate-valid", key=name, **({"kept_former": kept} if kept else {}))
            await self._wait()

    async def _load_rest(self, loading: KeyLoading) -> None:
        # Callers that the kernel has accepted meanwhile come first.
        await asyncio.sleep(0)
        for served in self._gateway.generation.profiles.values():
            if served.state == "loading":
                served.wanted = partial(loading.want, served.profile.token_request.key)
        began = self._clock.monotonic()
        try:
            await loading.run(self._apply)
        finally:
            loading.close()
        states = self._gateway.generation.profile_states()
        seconds = round(self._clock.monotonic() - began, 3)
        _LOG.info("keys-loaded", keys=len(self._keys.known), seconds=seconds, **_counts(states))

    def _apply(self, name: str, outcome: Outcome) -> None:
        profiles = self._keys.learn(name, outcome)
        self._note(profiles, self._keys.known)
        for profile in profiles:
            reason = self._keys.unavailable.get(profile.name)
            if reason is None:
                self._gateway.serve(profile.name)
            else:
                self._gateway.generation.profiles[profile.name].withhold(reason.sentence)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._seconds()):
                await self._changed.wait()
        except TimeoutError:
            return

    def _seconds(self) -> float | None:
        """Return how long to wait; None if nothing is to come."""
        if not self._keys.valid_from:
            return self._pause if self._keys.unread else None
        first = min(self._keys.valid_from.values())
        return min(self._pause, max(0.0, (first - self._now()).total_seconds()))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC)


def _counts(states: Mapping[str, int]) -> dict[str, int]:
    return {"served": states.get("served", 0), "unavailable": states.get("unavailable", 0)}
