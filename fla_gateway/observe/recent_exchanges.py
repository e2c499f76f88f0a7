"""Value with state: what happened lately, for the status page.

Owns the memory of the last exchanges and of the last hour's traffic. Refuses to show a path as it was: records are
kept as they came, which costs nothing, and are masked when they are read; long ones are masked at once.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from fla_gateway.access.path_masking import MaskedPath, mask_path
from fla_gateway.http1.method_labels import method_name
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.observe.api_health import is_trouble
from fla_gateway.proxy.records.exchange_record import ExchangeRecord

MOST_EXCHANGES: Final = 50
MINUTES: Final = 60
_SECONDS: Final = 60.0
_LONGEST: Final = 1_024
"""Bytes of a method and a path that are kept as they came; longer ones are masked at once, which makes them short."""

_FIRST_FAILURE: Final = 500
_FIRST_CLIENT_ERROR: Final = 400


@dataclass(frozen=True, slots=True)
class Seen:
    """One exchange, for people to see.

    Attributes:
        time: its end, in seconds since 1970.
        request_id: as in the record.
        caller: name, or empty.
        profile: name, or empty where none was reached.
        method: a name of `http1.method_labels`, or ``OTHER``.
        path: masked.
        status: status code, 0 where the caller was gone before one.
        origin: as in the record.
        code: problem code, or empty.
        outcome: as in the record.
        seconds: how long it took.
        attempts: times it was sent upstream.
        missing_scope: as in the record.
        trace_caller: BelGov-Trace-Id of the caller's own, as it may be recorded, or empty.
        trace_received: that of the API's answer, or empty.
        token_seconds: as in the record.
        connection_seconds: as in the record.
        upstream_seconds: as in the record.
    """

    time: float
    request_id: str
    caller: str
    profile: str
    method: str
    path: str
    status: int
    origin: str
    code: str
    outcome: str
    seconds: float
    attempts: int
    missing_scope: bool
    trace_caller: str
    trace_received: str
    token_seconds: float
    connection_seconds: float
    upstream_seconds: float


@dataclass(frozen=True, slots=True)
class Minute:
    """The traffic of sixty seconds.

    Attributes:
        time: their beginning, in seconds since 1970.
        answered: exchanges that the API answered with less than 500.
        refused: refused by the gateway with less than 500: the request was at fault.
        failed: all others.
    """

    time: float
    answered: int
    refused: int
    failed: int


@dataclass(frozen=True, slots=True)
class ProfileTraffic:
    """What happened to one profile.

    Attributes:
        profile: its name.
        minutes: `MINUTES` of them, oldest first; the last is the one that runs.
        last_success: the last exchange that the API answered with less than 500, and not as `api_health.is_trouble`
            has it; or None.
        last_failure: the last one that failed, or that it answered with one of those; or None.
    """

    profile: str
    minutes: tuple[Minute, ...]
    last_success: Seen | None
    last_failure: Seen | None


@dataclass(frozen=True, slots=True)
class Recent:
    """What happened lately.

    Attributes:
        exchanges: the last ones, newest first.
        profiles: those that had an exchange since the start, by name.
    """

    exchanges: tuple[Seen, ...]
    profiles: tuple[ProfileTraffic, ...]


class _Traffic:
    """What is remembered of one profile; minutes are counted by the monotonic clock."""

    __slots__ = ("counts", "failure", "minute", "minutes", "success")

    def __init__(self) -> None:
        self.minute = -1.0
        self.counts = [0, 0, 0]
        self.minutes: deque[tuple[float, list[int]]] = deque(maxlen=MINUTES)
        self.success: ExchangeRecord | None = None
        self.failure: ExchangeRecord | None = None

    def turn(self, minute: float) -> None:
        self.minute = minute
        self.counts = [0, 0, 0]
        self.minutes.append((minute, self.counts))


class RecentExchanges:
    """Observer that remembers. Made, used and read on the event loop's thread; a third of a microsecond per exchange.

    Args:
        key: key of `mask_path`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._last: deque[ExchangeRecord] = deque(maxlen=MOST_EXCHANGES)
        self._profiles: dict[str, _Traffic] = {}

    def exchange(self, record: ExchangeRecord) -> None:
        """Remember an exchange that reached a profile, or that a known caller began."""
        if len(record.path) + len(record.method) > _LONGEST:
            record = self._shortened(record)
        profile = record.profile
        if not profile:
            if record.admission.caller:
                self._last.append(record)
            return
        self._last.append(record)
        traffic = self._profiles.get(profile)
        if traffic is None:
            traffic = self._profiles[profile] = _Traffic()
        minute = record.ended // _SECONDS
        if minute != traffic.minute:
            traffic.turn(minute)
        status = record.status
        outcome = record.outcome
        if outcome == "answered" and status < _FIRST_FAILURE:
            if not record.attempts:
                return  # answered by the gateway itself, which says nothing of the API
            traffic.counts[0] += 1
            if status >= _FIRST_CLIENT_ERROR and is_trouble(record):
                traffic.failure = record
            else:
                traffic.success = record
        elif outcome == "refused" and status < _FIRST_FAILURE:
            traffic.counts[1] += 1
        else:
            traffic.counts[2] += 1
            traffic.failure = record

    def exchanges(self, now: float, wall: float) -> tuple[Seen, ...]:
        """Give the last exchanges, newest first; the arguments are those of `read`."""
        return tuple(self._seen(record, wall - now) for record in reversed(self._last))

    def profile(self, name: str, now: float, wall: float) -> ProfileTraffic | None:
        """Give what happened to a profile, or None if nothing did.

        Args:
            name: of the profile.
            now: `Clock.monotonic`.
            wall: `Clock.wall` at the same time.
        """
        traffic = self._profiles.get(name)
        return None if traffic is None else self._traffic(name, traffic, now, wall - now)

    def read(self, now: float, wall: float) -> Recent:
        """Give what is remembered.

        Args:
            now: `Clock.monotonic`.
            wall: `Clock.wall` at the same moment.
        """
        found = (self.profile(name, now, wall) for name in sorted(self._profiles))
        return Recent(self.exchanges(now, wall), tuple(one for one in found if one is not None))

    def _shortened(self, record: ExchangeRecord) -> ExchangeRecord:
        masked = MaskedPath(mask_path(record.path, self._key).encode())
        return record.with_request(method_name(record.method).encode(), masked)

    def _traffic(self, name: str, traffic: _Traffic, now: float, shift: float) -> ProfileTraffic:
        counted = dict(traffic.minutes)
        last = int(now // _SECONDS)
        minutes = tuple(
            Minute(minute * _SECONDS + shift, *counted.get(minute, (0, 0, 0)))
            for minute in range(last - MINUTES + 1, last + 1)
        )
        success = self._seen(traffic.success, shift) if traffic.success else None
        failure = self._seen(traffic.failure, shift) if traffic.failure else None
        return ProfileTraffic(name, minutes, success, failure)

    def _seen(self, record: ExchangeRecord, shift: float) -> Seen:
        return Seen(
            time=record.ended + shift,
            request_id=record.request_id,
            caller=record.admission.caller,
            profile=record.profile,
            method=method_name(record.method),
            path=record.path.decode() if isinstance(record.path, MaskedPath) else mask_path(record.path, self._key),
            status=record.status,
            origin=record.origin,
            code=record.code,
            outcome=record.outcome,
            seconds=record.seconds,
            attempts=record.attempts,
            missing_scope=record.missing_scope,
            trace_caller=record.notes.trace,
            trace_received=record.trace,
            token_seconds=record.token_seconds,
            connection_seconds=record.connection_seconds,
            upstream_seconds=record.upstream_seconds,
        )
