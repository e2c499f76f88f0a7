"""Values: everything that the status page and /status tell of a gateway at one moment.

Owns the shape, which is part of the public contract (docs/status.md). Refuses to hold a secret, and to know who
supplies what: `runtime.status` puts it together.

Moments are `datetime` in UTC. Texts are data: what stands in files, certificates and requests may be anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

FORMAT: Final = 1
"""Number of the shape; a change that a reader of /status could stumble over makes another one."""
MINUTES: Final = 60
"""Minutes of traffic that are told."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Something in the configuration that is allowed but deserves a look.

    Attributes:
        place: where it stands.
        message: what it is.
        cure: what to do about it; empty if the message says it.
    """

    place: str
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationStatus:
    """The configuration in use.

    Attributes:
        files: the files it was read from, the main one first.
        fingerprint: the same for the same configuration, another one for any other.
        warnings: see `Warn`.
    """

    files: tuple[str, ...]
    fingerprint: str
    warnings: tuple[Warn, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """An address that callers can use.

    Attributes:
        address: as written in the configuration, with the real port.
        profile: the only profile that is served there, or None for all.
        tls: whether TLS is spoken.
        local: whether only this machine can reach it.
    """

    address: str
    profile: str | None = None
    tls: bool = False
    local: bool = True


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """An API key of a caller.

    Attributes:
        id: first eight digits of its SHA-256.
        expires: when it stops being accepted, or None for never.
    """

    id: str
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallerStatus:
    """A program that may call.

    Attributes:
        name: in the configuration.
        proofs: kinds of proof that are needed: ``key``, ``uid``, ``gid``, ``service-account``, ``certificate``.
        keys: its API keys.
        profiles: names of the profiles that it may use.
        observe_until: until then requests outside of its allow lists are let through and reported, or None.
    """

    name: str
    proofs: tuple[str, ...]
    keys: tuple[KeyStatus, ...] = ()
    profiles: tuple[str, ...] = ()
    observe_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that went wrong.

    Attributes:
        time: when.
        code: a problem code (docs/errors.md), or empty where the API itself answered.
        status: status code that the caller got, or 0.
        detail: what happened, in the program's own words; may be empty.
        outcome: how the exchange ended, or empty where it was no exchange.
    """

    time: datetime
    code: str = ""
    status: int = 0
    detail: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """The token of a profile.

    Attributes:
        state: ``fresh``, ``stale`` (being renewed), ``expired`` or ``none``.
        obtained: when it was asked for, or None without a token.
        expires: when its life ends, or None without a token.
        renewal: when another one is asked for, also without traffic; None while that is being done.
        backoff_seconds: how long nothing is asked after a failure; 0 without a back-off.
        failures: failed attempts since the last good one.
        last_failure: also one that has been made good since, or None.
    """

    state: str
    obtained: datetime | None = None
    expires: datetime | None = None
    renewal: datetime | None = None
    backoff_seconds: float = 0.0
    failures: int = 0
    last_failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The certificate of a profile's key.

    Attributes:
        subject: distinguished name (RFC 4514).
        not_after: end of validity.
        days_left: whole days until then; negative afterwards.
    """

    subject: str
    not_after: datetime
    days_left: int


@dataclass(frozen=True, slots=True)
class BrakeStatus:
    """An API that calls are kept away from for a while, or whose refusals of tokens count no longer.

    Attributes:
        service: name of the API, or ``(other)``.
        reason: ``api`` (it asked for patience) or ``token`` (it refuses good tokens).
        until: when the brake ends.
    """

    service: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """Connections to the API; see `proxy.record.PoolSnapshot`."""

    idle: int
    busy: int
    opening: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Minute:
    """Calls that ended within one minute.

    Attributes:
        start: its begin.
        answered: by the API, with less than 500.
        refused: by the gateway, with less than 500: the request was at fault.
        failed: all others.
    """

    start: datetime
    answered: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """One account of the channel.

    Attributes:
        name: in the configuration and in the address.
        environment: name of the environment.
        production: whether its calls act on real data.
        borrows_production: whether its tokens are good for production although its API is another.
        client_id: as configured.
        api: host of the API, with a port if it is not 443.
        token_server: address of the token endpoint.
        served: whether it can be called.
        why_not: why it cannot; empty if it can.
        token: None where it is not served.
        certificate: None where there is none, or it cannot be read.
        in_flight: exchanges that run.
        pool: None where it is not served.
        brakes: those that hold.
        last_success: end of the last call that the API answered with less than 500 and not 401, 403 or 429; or None.
        last_failure: the last one that failed, or that it answered with one of those; or None.
        minutes: traffic of the last hour, `MINUTES` of them, the oldest first; empty before the first call.
    """

    name: str
    environment: str
    production: bool
    borrows_production: bool
    client_id: str
    api: str
    token_server: str
    served: bool
    why_not: str = ""
    token: TokenStatus | None = None
    certificate: CertificateStatus | None = None
    in_flight: int = 0
    pool: PoolStatus | None = None
    brakes: tuple[BrakeStatus, ...] = ()
    last_success: datetime | None = None
    last_failure: Failure | None = None
    minutes: tuple[Minute, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call that ended not long ago.

    Attributes:
        time: of its end.
        id: request id.
        caller: name, or empty.
        profile: name, or empty where none was reached.
        method: of the request.
        path: masked, as in the log.
        status: status code, or 0 where the caller was gone before one.
        origin: ``upstream``, ``gateway``, ``token-server`` or ``network``.
        code: problem code, or empty.
        outcome: see `proxy.record.ExchangeRecord`.
        seconds: how long it took.
    """

    time: datetime
    id: str
    caller: str
    profile: str
    method: str
    path: str
    status: int
    origin: str
    code: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call that changes something and of which it is not known whether it did.

    Attributes:
        time: when it was sent or ended.
        id: request id.
        caller: name, or empty.
        profile: name.
        method: of the request.
        path: masked.
        reason: ``no-outcome``, ``no-answer``, ``caller-gone`` or ``server-error``.
        reference: Fla-Gateway-Reference of the request, or empty.
    """

    time: datetime
    id: str
    caller: str
    profile: str
    method: str
    path: str
    reason: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Doubts:
    """Calls in doubt.

    Attributes:
        number: of all that are known; more than `calls` where only the latest are kept.
        since: start of the process; from then on all are known, from earlier runs those that the journal found.
        calls: the latest first.
    """

    number: int
    since: datetime
    calls: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """The audit journal.

    Attributes:
        failing: whether it cannot be written now.
        lost: records that were never written, since the start.
        lag_seconds: how long the oldest record waits to be written, or to be on the disk; 0 if none does.
        records: number of the last record.
        head: hash that was written to the log last, daily and at the start; empty if there is none.
    """

    failing: bool
    lost: int
    lag_seconds: float
    records: int
    head: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """The callers' side; see `proxy.record.DoorSnapshot`."""

    connections: int
    in_flight: int
    limited: bool


@dataclass(frozen=True, slots=True)
class Status:
    """A gateway at one moment.

    Attributes:
        time: the moment.
        version: of the program.
        state: ``starting``, ``serving`` or ``stopping``.
        started: when the process began.
        configuration: what it runs with.
        listeners: where callers reach it.
        callers: who may call; None if nobody is asked who he is.
        door: the callers' side.
        profiles: in the configuration's order.
        recent: calls that ended not long ago, the latest first.
        doubts: see `Doubts`.
        journal: None without one.
    """

    time: datetime
    version: str
    state: str
    started: datetime
    configuration: ConfigurationStatus
    listeners: tuple[ListenerStatus, ...]
    callers: tuple[CallerStatus, ...] | None
    door: Door
    profiles: tuple[ProfileStatus, ...]
    recent: tuple[Call, ...]
    doubts: Doubts
    journal: JournalStatus | None = None
