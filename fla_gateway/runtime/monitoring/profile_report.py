"""Root: what the status page shows of each profile, put together out of what each part knows of it.

Owns the joining of profiles with their tokens, negotiations, certificates, brakes and traffic. Refuses to judge and to
phrase, as `status_report` does.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from fla_gateway.admin.status.profile_selection import FEW
from fla_gateway.admin.status.profile_status import (
    BrakeStatus,
    CertificateStatus,
    FailingApiStatus,
    Failure,
    FindingStatus,
    Minute,
    NegotiationStatus,
    NextKeyStatus,
    PoolStatus,
    ProfileStatus,
    TokenStatus,
)
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.diagnosis.findings import worst
from fla_gateway.diagnosis.key_checks import machine_checks
from fla_gateway.diagnosis.token_checks import checks_of
from fla_gateway.errors import UnusableKeyError
from fla_gateway.oauth.negotiations import Negotiation
from fla_gateway.observe.recent_exchanges import ProfileTraffic, Seen
from fla_gateway.profiles import Profile
from fla_gateway.proxy.records.exchange_record import PoolSnapshot
from fla_gateway.runtime.composition.gateway import Gateway
from fla_gateway.runtime.composition.signing_keys import Keys, why_unusable
from fla_gateway.runtime.data_path import DataPath
from fla_gateway.runtime.monitoring.metric_sources import api_brakes
from fla_gateway.runtime.monitoring.status_sources import StatusSources
from fla_gateway.tokens.snapshot import TokenSnapshot

_DAY: Final = timedelta(days=1)
_AT_ONCE: Final = 20
"""Profiles put together in one turn of the loop, which takes some milliseconds."""


async def profiles_of(sources: StatusSources, now: float, wall: float, looked_at: str) -> tuple[ProfileStatus, ...]:
    """Put together the state of every profile, some at a time.

    Args:
        sources: where it comes from.
        now: `Clock.monotonic`.
        wall: `Clock.wall`.
        looked_at: name of the profile all of whose negotiations are shown; may be empty.
    """
    # Of one generation, whatever is published between two turns: the next one may lack profiles of this.
    current = sources.gateway.current
    tokens = {it.request: it for it in sources.gateway.tokens.snapshots()}
    pools = {it.profile: it for it in current.generation.pool_snapshots()}
    running = sources.gateway.server.connections.in_flight()
    brakes: defaultdict[str, list[BrakeStatus]] = defaultdict(list)
    for name, brake in _brakes(sources.gateway, tokens.values(), now, wall):
        brakes[name].append(brake)
    failing: defaultdict[str, list[FailingApiStatus]] = defaultdict(list)
    for api in sources.observation.health.failing(now, wall):
        since, latest = _moment(api.since), _moment(api.latest)
        failing[api.profile].append(FailingApiStatus(api.service, api.reason, since, latest, api.failures))
    found: list[ProfileStatus] = []
    profiles = current.configured.profiles
    for number, it in enumerate(profiles):
        # With its checks one profile takes up to a millisecond, as twenty others do without.
        most = None if it.name == looked_at or len(profiles) <= FEW else 1
        if most is None or number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        token = tokens.get(it.token_request)
        one = _profile(
            it,
            current,
            token=None if token is None else _token(token, wall),
            pool=pools.get(it.name),
            in_flight=running.get(it.name, 0),
            brakes=tuple(brakes.get(it.name, ())),
            failing=tuple(failing.get(it.name, ())),
            traffic=sources.observation.recent.profile(it.name, now, wall),
            wall=wall,
        )
        finding = _finding(sources, current, it, wall) if most is None else None
        negotiations, next_key = _negotiations(sources, it, most), _next_key(sources, current, it)
        found.append(replace(one, next_key=next_key, negotiations=negotiations, finding=finding))
    return tuple(found)


def _profile(
    profile: Profile,
    current: Gateway,
    *,
    token: TokenStatus | None,
    pool: PoolSnapshot | None,
    in_flight: int,
    brakes: tuple[BrakeStatus, ...],
    failing: tuple[FailingApiStatus, ...],
    traffic: ProfileTraffic | None,
    wall: float,
) -> ProfileStatus:
    served = current.generation.profiles[profile.name]
    success = traffic.last_success if traffic else None
    failure = traffic.last_failure if traffic else None
    return ProfileStatus(
        name=profile.name,
        environment=profile.environment,
        production=profile.production,
        borrows_production=profile.borrows_production,
        client_id=profile.token_request.client_id,
        api=profile.upstream.authority,
        token_server=profile.token_request.token_url,
        served=served.state == "served",
        why_not=served.unavailable_reason,
        loading=served.state == "loading",
        former_key=current.former_keys.get(profile.name, ""),
        token=token if served.state == "served" else None,
        certificate=_certificate(current.keys, profile, wall),
        in_flight=in_flight,
        pool=None if pool is None else PoolStatus(pool.idle, pool.busy, pool.opening, pool.waiting),
        brakes=brakes,
        failing=failing,
        last_success=None if success is None else _moment(success.time),
        last_failure=None if failure is None else _failure(failure),
        minutes=_minutes(traffic) if traffic else (),
    )


def _next_key(sources: StatusSources, current: Gateway, profile: Profile) -> NextKeyStatus | None:
    name = profile.next_key
    if name is None:
        return None
    key = current.keys.get(name)
    known = None if key is None or isinstance(key, UnusableKeyError) else key.certificate
    last = sources.last_token(current.configured.key_digests.get(name, name))
    return NextKeyStatus(name, None if known is None else known.not_after, None if last is None else _moment(last))


def _finding(sources: StatusSources, current: Gateway, profile: Profile, wall: float) -> FindingStatus | None:
    """Carry out the doctor's checks that ask nothing; warnings of the configuration are shown for all profiles."""
    key = current.keys.get(profile.token_request.key)
    if key is None:
        return None
    warnings = current.configured.warnings
    machine = machine_checks(profile, key, why_unusable(profile, key), warnings, _moment(wall))
    of_token = checks_of(profile, load_catalogue(), sources.negotiations(profile.token_request))
    it = worst(check for check in (*machine, *of_token) if check.code != "configuration")
    if it is None:
        return None
    return FindingStatus(it.code, it.description, it.verdict, it.seen, it.cause, it.cure, it.anchor)


def _negotiations(sources: StatusSources, profile: Profile, most: int | None) -> tuple[NegotiationStatus, ...]:
    return tuple(map(_negotiation, sources.negotiations(profile.token_request)[:most]))


def _negotiation(one: Negotiation) -> NegotiationStatus:
    values = {field.name: getattr(one, field.name) for field in fields(NegotiationStatus)}
    return NegotiationStatus(**{**values, "time": _moment(one.time)})


def _token(snapshot: TokenSnapshot, wall: float) -> TokenStatus:
    has_one = snapshot.age_seconds is not None and snapshot.expires_in_seconds is not None
    failure = snapshot.last_failure
    return TokenStatus(
        state=snapshot.state,
        obtained=_moment(wall - (snapshot.age_seconds or 0)) if has_one else None,
        expires=_moment(wall + (snapshot.expires_in_seconds or 0)) if has_one else None,
        renewal=_moment(wall + snapshot.renewal_seconds) if snapshot.renewal_seconds else None,
        backoff_seconds=snapshot.backoff_seconds,
        failures=snapshot.failures,
        last_failure=failure and Failure(_moment(wall - failure.seconds_ago), failure.code, detail=failure.detail),
        in_use=snapshot.renewal_seconds is not None,
    )


def _certificate(keys: Keys, profile: Profile, wall: float) -> CertificateStatus | None:
    key = keys.get(profile.token_request.key)
    if key is None or isinstance(key, UnusableKeyError) or key.certificate is None:
        return None
    facts = key.certificate
    return CertificateStatus(facts.subject, facts.not_after, (facts.not_after - _moment(wall)) // _DAY)


def _brakes(
    gateway: DataPath, tokens: Iterable[TokenSnapshot], now: float, wall: float
) -> tuple[tuple[str, BrakeStatus], ...]:
    refused = ((it, "token") for token in tokens for it in token.brakes)
    throttled = ((it, "api") for it in api_brakes(gateway, now))
    return tuple(
        (it.profile, BrakeStatus(it.service, reason, _moment(wall + it.seconds)))
        for it, reason in (*throttled, *refused)
    )


def _minutes(traffic: ProfileTraffic) -> tuple[Minute, ...]:
    return tuple(Minute(_moment(it.time), it.answered, it.refused, it.failed) for it in traffic.minutes)


def _failure(seen: Seen) -> Failure:
    return Failure(_moment(seen.time), seen.code, seen.status, outcome=seen.outcome)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
