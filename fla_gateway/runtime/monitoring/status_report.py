"""Root: the content of the status page, put together out of what each part knows of itself.

Owns the joining of profiles with their tokens, certificates, brakes and traffic. Refuses to judge and to phrase: that
is done by the page (`admin.status.health`, `admin.status.messages`).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from fla_gateway import __version__
from fla_gateway.access.authentication.api_key import key_id
from fla_gateway.access.authentication.proofs import proofs
from fla_gateway.admin.status.gateway_status import (
    Call,
    CallerStatus,
    ChangedFile,
    ClockStatus,
    ConfigurationStatus,
    DoorStatus,
    Doubt,
    EndStatus,
    JournalStatus,
    KeyStatus,
    ListenerStatus,
    Status,
    UnknownCallsStatus,
    UnknownPeerStatus,
)
from fla_gateway.admin.status.profile_status import (
    BrakeStatus,
    CertificateStatus,
    FailingApiStatus,
    Failure,
    Minute,
    PoolStatus,
    ProfileStatus,
    TokenStatus,
)
from fla_gateway.build_info import is_compiled
from fla_gateway.config.schema import CallerTable
from fla_gateway.config.values.address import is_loopback
from fla_gateway.errors import UnusableKeyError
from fla_gateway.journal.reader.exchange_history import NO_OUTCOME
from fla_gateway.observe.doubt_events import report_earlier
from fla_gateway.observe.ends import soon
from fla_gateway.observe.recent_exchanges import ProfileTraffic, Seen
from fla_gateway.observe.unknown_callers import UnknownCalls
from fla_gateway.profiles import Profile
from fla_gateway.proxy.records.exchange_record import PoolSnapshot
from fla_gateway.runtime.composition.signing_keys import Keys
from fla_gateway.runtime.data_path import DataPath
from fla_gateway.runtime.monitoring.known_ends import certificate_end, known_ends
from fla_gateway.runtime.monitoring.metric_sources import api_brakes
from fla_gateway.runtime.monitoring.status_sources import StatusSources
from fla_gateway.runtime.monitoring.telemetry import Observation
from fla_gateway.tokens.snapshot import TokenSnapshot

if TYPE_CHECKING:
    from fla_gateway.journal.writer.open_intents import OpenIntent

_DAY: Final = timedelta(days=1)
_AT_ONCE: Final = 20
"""Profiles put together in one turn of the loop, which takes some milliseconds."""


async def assemble(sources: StatusSources) -> Status:
    """Put together the state of this moment; on the event loop, some profiles at a time: calls get their turn."""
    now, wall = sources.clock.monotonic(), sources.clock.wall()
    configuration = sources.gateway.current.configured.settings.configuration
    door = sources.gateway.server.connections.door_snapshot()
    profiles = await _profiles(sources, now, wall)
    recent = sources.observation.recent
    return Status(
        time=_moment(wall),
        version=__version__,
        compiled=is_compiled(),
        state=sources.state(),
        started=_moment(sources.started),
        configuration=_configuration(sources),
        listeners=_listeners(sources),
        callers=tuple(_caller(*item) for item in configuration.callers.items()) if configuration.callers else None,
        door=DoorStatus(door.connections, door.in_flight, door.limited),
        profiles=profiles,
        recent=tuple(map(_call, recent.exchanges(now, wall))),
        doubts=sources.doubts.read(now, wall),
        journal=_journal(sources.observation),
        ends=_ends(sources, _moment(wall)),
        unknown_callers=_unknown(sources.unknown_callers(now, wall)),
        clocks=tuple(ClockStatus(*it) for it in sources.offsets().items()),
    )


async def recall_doubts(sources: StatusSources) -> None:
    """Take over what the journal knows of calls in doubt that earlier runs left; reads files, in a thread."""
    if sources.observation.journal is not None:
        found = await sources.observation.journal.find_doubts()
        earlier = [_earlier(it) for it in reversed(found)]
        sources.doubts.remember(earlier)
        report_earlier(len(earlier), earlier[-1].time if earlier else None)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _configuration(sources: StatusSources) -> ConfigurationStatus:
    configured = sources.gateway.current.configured
    last = sources.reload()
    return ConfigurationStatus(
        tuple(map(str, configured.settings.sources)),
        sources.gateway.current.configured.fingerprint,
        configured.warnings,
        generation=last.generation,
        applied=_moment(last.last_success),
        faults=last.faults,
        still_in_force=last.still_in_force,
        differs=tuple(ChangedFile(str(it.path), _moment(it.changed)) for it in last.differs),
    )


def _unknown(calls: UnknownCalls | None) -> UnknownCallsStatus | None:
    if calls is None:
        return None
    peers = tuple(UnknownPeerStatus(it.peer, it.count, _moment(it.last)) for it in calls.peers)
    return UnknownCallsStatus(calls.count, _moment(calls.last), calls.code, calls.uid, peers)


def _ends(sources: StatusSources, now: datetime) -> tuple[EndStatus, ...]:
    return tuple(
        EndStatus(it.kind, it.name, it.ends, it.days_left(now), it.profiles) for it in soon(known_ends(sources), now)
    )


def _listeners(sources: StatusSources) -> tuple[ListenerStatus, ...]:
    return tuple(
        ListenerStatus(
            str(it.bound.address),
            it.spec.profile,
            tls=it.bound.tls is not None,
            local=is_loopback(it.bound.address),
            certificate_ends=certificate_end(it.bound.tls),
        )
        for it in sources.gateway.listener_set.listeners
    )


def _caller(name: str, table: CallerTable) -> CallerStatus:
    keys = tuple(
        KeyStatus(key_id(key.sha256), None if key.expires is None else _moment(key.expires)) for key in table.keys
    )
    until = None if table.observe_until is None else _moment(table.observe_until)
    return CallerStatus(name, tuple(proofs(table)), keys, tuple(table.allow), until)


async def _profiles(sources: StatusSources, now: float, wall: float) -> tuple[ProfileStatus, ...]:
    tokens = {it.request: it for it in sources.gateway.tokens.snapshots()}
    pools = {it.profile: it for it in sources.gateway.current.generation.pool_snapshots()}
    running = sources.gateway.server.connections.in_flight()
    brakes: defaultdict[str, list[BrakeStatus]] = defaultdict(list)
    for name, brake in _brakes(sources.gateway, tokens.values(), now, wall):
        brakes[name].append(brake)
    failing: defaultdict[str, list[FailingApiStatus]] = defaultdict(list)
    for api in sources.observation.health.failing(now, wall):
        since, latest = _moment(api.since), _moment(api.latest)
        failing[api.profile].append(FailingApiStatus(api.service, api.reason, since, latest, api.failures))
    found: list[ProfileStatus] = []
    for number, it in enumerate(sources.gateway.current.configured.profiles):
        if number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        token = tokens.get(it.token_request)
        one = _profile(
            it,
            sources,
            token=None if token is None else _token(token, wall),
            pool=pools.get(it.name),
            in_flight=running.get(it.name, 0),
            brakes=tuple(brakes.get(it.name, ())),
            failing=tuple(failing.get(it.name, ())),
            traffic=sources.observation.recent.profile(it.name, now, wall),
            wall=wall,
        )
        found.append(one)
    return tuple(found)


def _profile(
    profile: Profile,
    sources: StatusSources,
    *,
    token: TokenStatus | None,
    pool: PoolSnapshot | None,
    in_flight: int,
    brakes: tuple[BrakeStatus, ...],
    failing: tuple[FailingApiStatus, ...],
    traffic: ProfileTraffic | None,
    wall: float,
) -> ProfileStatus:
    served = sources.gateway.current.generation.profiles[profile.name]
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
        former_key=sources.gateway.current.former_keys.get(profile.name, ""),
        token=token if served.state == "served" else None,
        certificate=_certificate(sources.gateway.current.keys, profile, wall),
        in_flight=in_flight,
        pool=None if pool is None else PoolStatus(pool.idle, pool.busy, pool.opening, pool.waiting),
        brakes=brakes,
        failing=failing,
        last_success=None if success is None else _moment(success.time),
        last_failure=None if failure is None else _failure(failure),
        minutes=_minutes(traffic) if traffic else (),
    )


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


def _call(seen: Seen) -> Call:
    return Call(
        time=_moment(seen.time),
        id=seen.request_id,
        caller=seen.caller,
        profile=seen.profile,
        method=seen.method,
        path=seen.path,
        status=seen.status,
        origin=seen.origin,
        code=seen.code,
        outcome=seen.outcome,
        seconds=seen.seconds,
        missing_scope=seen.missing_scope,
    )


def _journal(observation: Observation) -> JournalStatus | None:
    if observation.journal is None:
        return None
    it = observation.journal.snapshot()
    return JournalStatus(it.failing, it.lost, max(it.oldest_seconds, it.unsynced_seconds), it.seq, it.daily_head)


def _earlier(call: OpenIntent) -> Doubt:
    time = datetime.fromisoformat(call.time).astimezone(UTC)
    return Doubt(time, call.request_id, call.caller, call.profile, call.method, call.path, NO_OUTCOME, call.reference)
