"""Root: the content of the status page, put together out of what each part knows of itself.

Owns everything but the profiles (`profile_report`). Refuses to judge and to phrase: that is done by the page
(`admin.status.health`, `admin.status.messages`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from fla_gateway import __version__
from fla_gateway.access.authentication.api_key import key_id
from fla_gateway.access.authentication.proofs import proofs
from fla_gateway.admin.status.call_status import Call, UnknownCallsStatus, UnknownPeerStatus
from fla_gateway.admin.status.gateway_status import (
    CallerStatus,
    ChangedFile,
    ClockStatus,
    ConfigurationStatus,
    DoorStatus,
    ExpiryStatus,
    JournalStatus,
    KeyStatus,
    ListenerStatus,
    Status,
)
from fla_gateway.build_info import is_compiled
from fla_gateway.config.schema import CallerTable
from fla_gateway.config.values.address import is_loopback
from fla_gateway.observe.expiries import soon
from fla_gateway.observe.recent_exchanges import Seen
from fla_gateway.observe.unknown_callers import UnknownCalls
from fla_gateway.runtime.monitoring.known_expiries import certificate_end, known_expiries
from fla_gateway.runtime.monitoring.profile_report import profiles_of
from fla_gateway.runtime.monitoring.status_sources import StatusSources
from fla_gateway.runtime.monitoring.telemetry import Observation


async def assemble(sources: StatusSources, profile: str = "") -> Status:
    """Put together the state of this moment; on the event loop, some profiles at a time: calls get their turn.

    Args:
        sources: where it comes from.
        profile: name of the profile that is looked at, all of whose negotiations are shown; may be empty.
    """
    now, wall = sources.clock.monotonic(), sources.clock.wall()
    # Before the profiles, which are of the generation of this moment.
    configured, listeners = _configuration(sources), _listeners(sources)
    callers = sources.gateway.current.configured.settings.configuration.callers
    door = sources.gateway.server.connections.door_snapshot()
    profiles = await profiles_of(sources, now, wall, profile)
    recent = sources.observation.recent
    return Status(
        time=_moment(wall),
        version=__version__,
        compiled=is_compiled(),
        state=sources.state(),
        started=_moment(sources.started),
        configuration=configured,
        listeners=listeners,
        callers=tuple(_caller(*item) for item in callers.items()) if callers else None,
        door=DoorStatus(door.connections, door.in_flight, door.limited),
        profiles=profiles,
        recent=tuple(map(_call, recent.exchanges(now, wall))),
        doubts=sources.doubts.read(now, wall),
        journal=_journal(sources.observation),
        ends=_ends(sources, _moment(wall)),
        unknown_callers=_unknown(sources.unknown_callers(now, wall)),
        clocks=tuple(ClockStatus(*it) for it in sources.offsets().items()),
    )


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


def _ends(sources: StatusSources, now: datetime) -> tuple[ExpiryStatus, ...]:
    return tuple(
        ExpiryStatus(it.kind, it.name, it.ends, it.days_left(now), it.profiles)
        for it in soon(known_expiries(sources), now)
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
        trace_caller=seen.trace_caller,
        trace_received=seen.trace_received,
        token_seconds=seen.token_seconds,
        connection_seconds=seen.connection_seconds,
        upstream_seconds=seen.upstream_seconds,
    )


def _journal(observation: Observation) -> JournalStatus | None:
    if observation.journal is None:
        return None
    it = observation.journal.snapshot()
    return JournalStatus(it.failing, it.lost, max(it.oldest_seconds, it.unsynced_seconds), it.seq, it.daily_head)
