"""What the commands that replace a certificate work on: a profile and its keys, as file and gateway have them.

Owns the reading. Refuses to change anything, and to decide on the next step (`keys.certificates.renewal` does).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fla_gateway.clock import SystemClock
from fla_gateway.errors import ConfigurationError, Fault, ProblemError, UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.certificates.renewal import Situation
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.profiles import Profile, with_next_key
from fla_gateway.runtime.composition.resolved_config import Configured, read
from fla_gateway.runtime.composition.signing_keys import KeyFiles, why_unusable
from fla_gateway.runtime.composition.token_client import Fetched, fetch_once

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.keys.model import CertificateFacts, LoadedKey, Objection


@dataclass(frozen=True, slots=True)
class Subject:
    """A profile of a configuration.

    Attributes:
        configured: the configuration.
        profile: as it is.
        now: the moment that it was read.
    """

    configured: Configured
    profile: Profile
    now: datetime

    def load(self, name: str) -> LoadedKey | UnusableKeyError:
        """Load one of its keys."""
        return KeyFiles(self.configured, lambda: self.now, validate=False).load(name)

    @property
    def after_switch(self) -> Profile:
        """The profile with its keys exchanged.

        Raises:
            ConfigurationError: it has no next key.
        """
        if self.profile.next_key is None:
            message = Message("next-key-missing", "has no next_key")
            cure = Text("`fla-gateway cert renew {profile}` says what comes first", profile=self.profile.name)
            raise ConfigurationError((Fault(f"profiles.{self.profile.name}", message, cure),))
        return with_next_key(self.profile, self.configured.key_digests)

    def try_next_key(self) -> Fetched:
        """Get one token with the next key.

        Raises:
            ConfigurationError: it has no next key, or a file cannot be used.
            UnusableKeyError: the key cannot be used.
            ProblemError: the token server could not be reached or refused.
        """
        return fetch_once(self.configured, self.after_switch)


def subject_of(arguments: argparse.Namespace) -> Subject:
    """Read the configuration that is meant, and find the profile.

    Raises:
        ConfigurationError: it is faulty, or has no such profile.
    """
    from fla_gateway.cli.options.config_option import config_of  # noqa: PLC0415 - prints, so only when asked
    from fla_gateway.observe.logs import event_log  # noqa: PLC0415 - heavy

    configured = read(config_of(arguments))
    event_log.configure(configured.settings.configuration.log)
    for profile in configured.profiles:
        if profile.name == arguments.profile:
            return Subject(configured, profile, datetime.fromtimestamp(SystemClock().wall(), UTC))
    from fla_gateway.cli.mistyped import unknown_profile  # noqa: PLC0415 - rarely needed

    raise unknown_profile(arguments.profile, (profile.name for profile in configured.profiles))


def situation_of(subject: Subject, status: Mapping[str, Any] | None, *, ask: bool) -> Situation:
    """Find out what is the case.

    Args:
        subject: the profile.
        status: what the running gateway shows of itself, or None if none answers.
        ask: whether a token may be asked for with the next key.
    """
    profile, request = subject.profile, subject.profile.token_request
    key = subject.load(request.key)
    facts = _facts(key)
    if profile.next_key is None:
        return Situation(profile=profile.name, key=request.key, ends=_end(facts))
    other = subject.load(profile.next_key)
    next_facts = _facts(other)
    objection: Objection | None = why_unusable(subject.after_switch, other)
    in_force, quiet_since = _gateway(subject, status)
    found = Situation(
        profile=profile.name,
        key=request.key,
        ends=_end(facts),
        next_key=profile.next_key,
        next_ends=_end(next_facts),
        objection=objection,
        in_force=in_force,
        quiet_since=quiet_since,
        refusal=None,
    )
    if not ask or objection is not None or found.switched:
        return found
    return replace(found, refusal=_refusal(subject))


def _refusal(subject: Subject) -> str:
    try:
        subject.try_next_key()
    except ProblemError as error:
        return f"{error.code}: {error.detail}"
    return ""


def _facts(key: LoadedKey | UnusableKeyError) -> CertificateFacts | None:
    return None if isinstance(key, UnusableKeyError) else key.certificate


def _end(facts: CertificateFacts | None) -> datetime | None:
    return None if facts is None else facts.not_after


def _gateway(subject: Subject, status: Mapping[str, Any] | None) -> tuple[bool | None, datetime | None]:
    """Return whether the gateway has this configuration, and since when it has got no token with the other key."""
    if status is None:
        return None, None
    in_force = status.get("configuration", {}).get("fingerprint") == subject.configured.fingerprint
    of_profile: Mapping[str, Any] = next(
        (it for it in status.get("profiles", ()) if it.get("name") == subject.profile.name), {}
    )
    other = of_profile.get("next_key") or {}
    if not in_force or other.get("name") != subject.profile.next_key:
        return in_force, None
    return True, _moment(other.get("last_token")) or _moment(status.get("started"))


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
