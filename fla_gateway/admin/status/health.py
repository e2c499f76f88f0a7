"""Rule: the health of a profile, and why it is degraded.

Owns the judgement behind the colours of the status page, and its thresholds. Refuses to know words: they are in the
templates, where they can be translated.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

from fla_gateway.admin.status.gateway_status import ExpiryStatus, Status
from fla_gateway.admin.status.profile_status import ProfileStatus
from fla_gateway.oauth.clock_skew import NOTEWORTHY

SOON: Final = 30
"""Days before a certificate's end at which the operator should order the next one."""
URGENT: Final = 7
"""Days before its end at which it is the first thing to do today."""


class Level(Enum):
    """How well something is, from well to ill."""

    GOOD = "good"
    ATTENTION = "attention"
    BAD = "bad"


class Finding(Enum):
    """The reasons why a profile is degraded; the most serious first."""

    NOT_SERVED = "not-served"
    LOADING = "loading"
    NO_TOKEN = "no-token"  # noqa: S105 - a word, not a secret
    CERTIFICATE_ENDED = "certificate-ended"
    CERTIFICATE_URGENT = "certificate-urgent"
    TOKEN_FAILING = "token-failing"  # noqa: S105 - as above
    FORMER_KEY = "former-key"
    API_FAILING = "api-failing"
    CALLS_FAILING = "calls-failing"
    BRAKED = "braked"
    CERTIFICATE_SOON = "certificate-soon"


ILL: Final = frozenset({Finding.NOT_SERVED, Finding.NO_TOKEN, Finding.CERTIFICATE_ENDED})
"""With these a profile does not work."""


def findings(profile: ProfileStatus) -> tuple[Finding, ...]:
    """Return every reason why a profile is degraded."""
    if profile.loading:
        return (Finding.LOADING,)
    if not profile.served:
        return (Finding.NOT_SERVED,)
    found = {*_of_token(profile), *_of_certificate(profile), *_of_calls(profile)}
    if profile.former_key:
        found.add(Finding.FORMER_KEY)
    return tuple(finding for finding in Finding if finding in found)


def level(found: tuple[Finding, ...]) -> Level:
    """Judge by findings."""
    if not found:
        return Level.GOOD
    return Level.BAD if ILL.intersection(found) else Level.ATTENTION


def clock_skew(status: Status) -> float:
    """Return by how many seconds this host's clock is behind a token server's (ahead if negative); 0 if it is right."""
    offset = max((it.offset_seconds for it in status.clocks), key=abs, default=0.0)
    return offset if abs(offset) > NOTEWORTHY else 0.0


def ends_near(status: Status) -> tuple[ExpiryStatus, ...]:
    """Choose the ends that need an action: certificates of listeners like those of profiles, keys in a week.

    Certificates of signing keys are judged with their profiles. A caller's key counts only while no other key of the
    caller lasts longer: of two, the old one is meant to end.
    """
    return tuple(it for it in status.ends if _needs_attention(it, status))


def _needs_attention(end: ExpiryStatus, status: Status) -> bool:
    if end.kind == "listener-certificate":
        return end.days_left <= SOON
    if end.kind == "caller-key" and _has_longer_key(end, status):
        return False
    return end.kind != "certificate" and end.days_left <= URGENT


def _has_longer_key(end: ExpiryStatus, status: Status) -> bool:
    name = end.name.partition(" ")[0]
    keys = [key for caller in status.callers or () if caller.name == name for key in caller.keys]
    return any(key.expires is None or key.expires > end.ends for key in keys)


def overall(status: Status) -> Level:
    """Judge the whole gateway: as ill as its worst part."""
    levels = {level(findings(profile)) for profile in status.profiles}
    if status.journal is not None and status.journal.failing:
        return Level.BAD
    if Level.BAD in levels or status.state not in {"serving", "loading"}:
        return Level.BAD
    configuration = status.configuration
    attention = (
        Level.ATTENTION in levels
        or status.doubts.number
        or status.door.limited
        or configuration.faults
        or configuration.differs
        or ends_near(status)
        or clock_skew(status)
    )
    return Level.ATTENTION if attention else Level.GOOD


def _of_token(profile: ProfileStatus) -> Iterator[Finding]:
    token = profile.token
    if token is None or not token.failures:
        return
    yield Finding.NO_TOKEN if token.state in {"none", "expired"} else Finding.TOKEN_FAILING


def _of_certificate(profile: ProfileStatus) -> Iterator[Finding]:
    if profile.certificate is None:
        return
    days = profile.certificate.days_left
    if days < 0:
        yield Finding.CERTIFICATE_ENDED
    elif days <= URGENT:
        yield Finding.CERTIFICATE_URGENT
    elif days <= SOON:
        yield Finding.CERTIFICATE_SOON


def _of_calls(profile: ProfileStatus) -> Iterator[Finding]:
    failure, success = profile.last_failure, profile.last_success
    if profile.failing:
        yield Finding.API_FAILING
    elif failure is not None and (success is None or failure.time > success):
        yield Finding.CALLS_FAILING
    if profile.brakes:
        yield Finding.BRAKED
