"""Values: what metrics read from the rest of the gateway on each scrape.

Owns the shapes. Refuses to know which part answers, so that no part has to know that it is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from fla_gateway.lean_dataclass import dataclass
from fla_gateway.proxy.records.exchange_record import DoorSnapshot, PoolSnapshot
from fla_gateway.tokens.snapshot import HeldBrake, TokenSnapshot

if TYPE_CHECKING:  # read where alerts are configured
    from fla_gateway.observe.alerts.alert import AlertNumbers


class LimitNumber(NamedTuple):
    """A limit of the configuration.

    Attributes:
        profile: name of the profile.
        caller: whose limit it is in this profile; empty for the one of all callers together.
        concurrent: exchanges that may run at the same time, or None without such a limit.
        per_second: requests per second, or None without such a limit.
    """

    profile: str
    caller: str
    concurrent: int | None = None
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class JournalNumbers:
    """The audit journal at one moment.

    Attributes:
        waiting: records that are not written yet.
        lag_seconds: since when the oldest of them waits, or what was written is not on the disk; 0 if neither.
        failures: times that writing failed, since the start.
        failing: whether it fails now.
        lost: records that were never written, since the start.
        seq: number of the last record.
        head: hash of the last record of the day before, in hexadecimal digits; empty if there is none.
        in_doubt: calls in doubt that no person has settled.
    """

    waiting: int
    lag_seconds: float
    failures: int
    failing: bool
    lost: int
    seq: int
    head: str = ""
    in_doubt: int = 0


class ReloadNumbers(NamedTuple):
    """What became of the last reload.

    Attributes:
        successful: whether it was applied; true before the first.
        last_success: when the configuration in force was applied, in seconds since 1970.
        differing_files: files that the disk no longer has as they were read.
    """

    successful: bool
    last_success: float
    differing_files: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What changes only with the configuration.

    Attributes:
        fingerprint: of the configuration in use.
        event_loop: ``uvloop`` or ``asyncio``.
        callers: number of callers configured.
        key_expiries: end of each API key that has one, in seconds since 1970, by caller and the first eight digits
            of its SHA-256.
        limits: every limit.
        admin_key_expires: end of the admin key, in seconds since 1970, or None.
    """

    fingerprint: str
    event_loop: str
    callers: int
    key_expiries: Mapping[tuple[str, str], float]
    limits: tuple[LimitNumber, ...]
    admin_key_expires: float | None = None


@dataclass(frozen=True, slots=True)
class MetricSources:
    """Where the numbers come from that are not counted per exchange; each is called once per scrape.

    Attributes:
        tokens: entries of the token cache.
        pools: connections to the API, one snapshot per profile.
        caller_connections: the callers' side.
        offsets: learned clock offset in seconds by token server.
        certificates: end of validity, in seconds since 1970, by name of the key.
        listener_certificates: end of validity, in seconds since 1970, by address of the listener.
        dropped: request lines lost since the start.
        dropped_events: events lost since the start.
        in_flight: exchanges that run, by profile.
        api_brakes: services that throttle the gateway, and are not called for a while.
        failing_apis: services that fail, by profile and name.
        journal: the audit journal, or None without one.
        untraced: exchanges whose spans were lost since the start, or None where nothing is traced.
        facts: what the configuration says.
        actions: how often which action on the admin listener had which result.
        reload: what became of the last reload.
        alerts: what became of alerts, by the way out; empty without `[alerts]`.
    """

    tokens: Callable[[], Iterable[TokenSnapshot]]
    pools: Callable[[], Iterable[PoolSnapshot]]
    caller_connections: Callable[[], DoorSnapshot]
    offsets: Callable[[], Mapping[str, float]]
    certificates: Callable[[], Mapping[str, float]]
    listener_certificates: Callable[[], Mapping[str, float]]
    dropped: Callable[[], int]
    dropped_events: Callable[[], int]
    in_flight: Callable[[], Mapping[str, int]]
    api_brakes: Callable[[], Iterable[HeldBrake]]
    failing_apis: Callable[[], Iterable[tuple[str, str]]]
    journal: Callable[[], JournalNumbers | None]
    untraced: Callable[[], int | None]
    facts: Callable[[], Facts]
    actions: Callable[[], Mapping[tuple[str, str], int]]
    reload: Callable[[], ReloadNumbers]
    alerts: Callable[[], Mapping[str, AlertNumbers]] = dict

    def read(self) -> MetricSources:
        """Ask everything now, and give what was answered in the same form, for another thread to read."""
        return MetricSources(**{one.name: _constant(getattr(self, one.name)()) for one in fields(self)})


def _constant(value: object) -> Callable[[], Any]:
    kept = tuple(value) if isinstance(value, Iterator) else value
    return lambda: kept
