"""Root: what metrics ask, and who answers.

Owns the joining of each number with the part that knows it. Refuses to count anything.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from fla_gateway.access.authentication.api_key import key_id
from fla_gateway.clock import Clock
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import UnusableKeyError
from fla_gateway.observe.metrics.sources import Facts, JournalNumbers, LimitNumber, ReloadNumbers
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.signing_keys import Keys
from fla_gateway.runtime.data_path import DataPath
from fla_gateway.runtime.monitoring.known_expiries import listener_expiries
from fla_gateway.runtime.monitoring.telemetry import Observation
from fla_gateway.runtime.reload_state import ReloadState
from fla_gateway.tokens.snapshot import HeldBrake

if TYPE_CHECKING:  # the start must not wait for it
    from fla_gateway.oauth.client import TokenClient
    from fla_gateway.observe.alerts.alert import AlertNumbers
    from fla_gateway.observe.metrics.registry import Exposition


def exposition(
    gateway: DataPath,
    observation: Observation,
    client: TokenClient,
    clock: Clock,
    actions: Mapping[tuple[str, str], int],
    reload: Callable[[], ReloadState],
    contexts: Callable[[], Iterable[tuple[str, ssl.SSLContext]]],
    alerts: Callable[[], Mapping[str, AlertNumbers]] = dict,
) -> Exposition:
    """Make what writes the metrics.

    Args:
        gateway: whose they are.
        observation: what was counted, and the journal.
        client: knows the clocks of token servers.
        clock: the host's clocks.
        actions: how often which action on the admin listener had which result.
        reload: gives what became of the last reload.
        contexts: gives what listeners speak TLS with, by address.
        alerts: gives what became of alerts, by the way out.
    """
    from fla_gateway.observe.metrics.registry import Exposition  # noqa: PLC0415 - prometheus_client is read at the first scrape
    from fla_gateway.observe.metrics.sources import MetricSources  # noqa: PLC0415 - as above

    sources = MetricSources(
        tokens=gateway.tokens.snapshots,
        pools=lambda: gateway.current.generation.pool_snapshots(),  # noqa: PLW0108 - the one that is current then
        caller_connections=gateway.server.connections.door_snapshot,
        offsets=client.offsets,
        certificates=lambda: certificate_ends(gateway.current.keys),
        listener_certificates=lambda: {it.name: it.ends.timestamp() for it in listener_expiries(contexts())},
        dropped=lambda: observation.output.dropped_requests,
        dropped_events=lambda: observation.output.dropped_events,
        in_flight=gateway.server.connections.in_flight,
        api_brakes=lambda: api_brakes(gateway, clock.monotonic()),
        failing_apis=lambda: failing_apis(gateway, observation),
        journal=lambda: journal_numbers(observation),
        untraced=lambda: None if observation.tracing is None else observation.tracing.dropped,
        facts=_FactsOf(gateway),
        actions=lambda: dict(actions),
        reload=lambda: _reload_numbers(reload()),
        alerts=alerts,
    )
    return Exposition(observation.counters, lambda: gateway.current.profiles, sources)


def _reload_numbers(state: ReloadState) -> ReloadNumbers:
    return ReloadNumbers(state.successful, state.last_success, len(state.differs))


class _FactsOf:
    """What changes only with the configuration: gathered once for each that is in force."""

    def __init__(self, gateway: DataPath) -> None:
        self._gateway = gateway
        self._configured = gateway.current.configured
        self._facts = _facts(self._configured)

    def __call__(self) -> Facts:
        configured = self._gateway.current.configured
        if configured is not self._configured:
            self._configured, self._facts = configured, _facts(configured)
        return self._facts


def _facts(configured: Configured) -> Facts:
    configuration = configured.settings.configuration
    return Facts(
        fingerprint=configured.fingerprint,
        event_loop="uvloop" if type(asyncio.get_running_loop()).__module__.startswith("uvloop") else "asyncio",
        callers=len(configuration.callers),
        key_expiries={
            (name, key_id(key.sha256)): key.expires
            for name, caller in configuration.callers.items()
            for key in caller.keys
            if key.expires is not None
        },
        admin_key_expires=None if configuration.admin.key is None else configuration.admin.key.expires,
        limits=tuple(_limits(configuration)),
    )


def _limits(configuration: Configuration) -> Iterator[LimitNumber]:
    for profile, table in configuration.profiles.items():
        yield LimitNumber(profile, "", table.limits.concurrent, table.limits.per_second)
    for name, caller in configuration.callers.items():
        for profile in caller.allow:
            yield LimitNumber(profile, name, caller.limits.concurrent, caller.limits.per_second)


def certificate_ends(keys: Keys) -> Mapping[str, float]:
    """Give the end of each certificate, in seconds since 1970, by the name of its key."""
    loaded = [key for key in keys.values() if not isinstance(key, UnusableKeyError)]
    return {key.name: key.certificate.not_after.timestamp() for key in loaded if key.certificate is not None}


def api_brakes(gateway: DataPath, now: float) -> Iterator[HeldBrake]:
    """Give the services that asked for patience.

    Args:
        gateway: whose they are.
        now: `Clock.monotonic`.
    """
    for served in gateway.current.generation.profiles.values():
        for service, seconds in served.brake.held(now):
            yield HeldBrake(served.name, service, seconds)


def failing_apis(gateway: DataPath, observation: Observation) -> Iterator[tuple[str, str]]:
    """Give the services that fail, by profile and name; without profiles that are no longer there."""
    profiles = gateway.current.generation.profiles
    for one in observation.health.failing(0.0, 0.0):
        if one.profile in profiles:
            yield one.profile, one.service


def journal_numbers(observation: Observation) -> JournalNumbers | None:
    """Give the journal's numbers, or None without one."""
    if observation.journal is None:
        return None
    found = observation.journal.snapshot()
    return JournalNumbers(
        waiting=found.waiting,
        lag_seconds=max(found.oldest_seconds, found.unsynced_seconds),
        failures=found.failures,
        failing=found.failing,
        lost=found.lost,
        seq=found.seq,
        head=found.daily_head,
        in_doubt=observation.doubts.number,
    )
