"""Values: everything that the status page and /status show of a gateway at one moment.

Owns the shape, which is part of the public contract (docs/status.md). Refuses to hold a secret, and to know which
part supplies what: `runtime.monitoring.status_report` puts it together.

Moments are `datetime` in UTC. Texts are data: files, certificates and requests may contain anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from fla_gateway.admin.status.call_status import Call, Doubts, UnknownCallsStatus
from fla_gateway.admin.status.profile_status import ProfileStatus
from fla_gateway.errors import Fault
from fla_gateway.lean_dataclass import dataclass

FORMAT: Final = 1
"""Number of the shape; a change that a reader of /status could stumble over makes another one."""


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that the disk no longer has as it was read.

    Attributes:
        file: its path; for files that an `include` means now or no longer, the pattern.
        changed: when.
    """

    file: str
    changed: datetime

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.file.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ConfigurationStatus:
    """The configuration in use.

    Attributes:
        files: the files it was read from, the main one first.
        fingerprint: the same for the same configuration, another one for any other.
        warnings: what is allowed but deserves a look.
        generation: 1 at the start, one more with each reload that was applied.
        applied: when the configuration in use was applied.
        faults: why the last reload was refused, so that the configuration in use is not the one of its files; empty
            once one is applied.
        still_in_force: callers and keys that the refused configuration no longer has.
        differs: files that the disk no longer has as they were read.
    """

    files: tuple[str, ...]
    fingerprint: str
    warnings: tuple[Fault, ...] = ()
    generation: int = 1
    applied: datetime | None = None
    faults: tuple[Fault, ...] = ()
    still_in_force: tuple[str, ...] = ()
    differs: tuple[ChangedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """An address that callers can use.

    Attributes:
        address: as written in the configuration, with the real port.
        profile: the only profile that is served there, or None for all.
        tls: whether TLS is spoken.
        local: whether only this machine can reach it.
        certificate_ends: end of validity of the certificate that it shows, or None without TLS.
    """

    address: str
    profile: str | None = None
    tls: bool = False
    local: bool = True
    certificate_ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExpiryStatus:
    """A certificate or key that ends soon, or has ended; see `observe.expiries`.

    Attributes:
        kind: ``certificate``, ``listener-certificate``, ``caller-key`` or ``admin-key``.
        name: of the key; address of the listener; caller and first eight digits of the digest of its key.
        ends: the moment.
        days_left: whole days until then; negative afterwards.
        profiles: those that are concerned, where it is not all of them.
    """

    kind: str
    name: str
    ends: datetime
    days_left: int
    profiles: tuple[str, ...] = ()


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
        observe_until: until then requests outside of its allow lists are admitted and reported, or None.
    """

    name: str
    proofs: tuple[str, ...]
    keys: tuple[KeyStatus, ...] = ()
    profiles: tuple[str, ...] = ()
    observe_until: datetime | None = None


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
class DoorStatus:
    """The callers' side; see `proxy.records.exchange_record.DoorSnapshot`."""

    connections: int
    in_flight: int
    limited: bool


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """What is known of this host's clock.

    Attributes:
        server: token server that it was compared with.
        offset_seconds: by which the server's clock is ahead; 0 until two answers agreed.
    """

    server: str
    offset_seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    """A gateway at one moment.

    Attributes:
        time: the moment.
        version: of the program.
        compiled: whether its data path is compiled.
        state: the reason of /readyz: ``starting``, ``loading``, ``serving``, ``no-profile``, ``draining`` or
            ``stopping``.
        started: when the process began.
        configuration: what it runs with.
        listeners: where callers reach it.
        callers: who may call; None if no caller has to identify itself.
        door: the callers' side.
        profiles: in the configuration's order.
        recent: calls that ended not long ago, the latest first.
        doubts: see `Doubts`.
        journal: None without one.
        unknown_callers: None if there was no call without a valid credential within the last hour.
        clocks: this host's clock against those of the token servers that have answered.
        ends: what ends within sixty days, or has ended, the first to end first.
    """

    time: datetime
    version: str
    compiled: bool
    state: str
    started: datetime
    configuration: ConfigurationStatus
    listeners: tuple[ListenerStatus, ...]
    callers: tuple[CallerStatus, ...] | None
    door: DoorStatus
    profiles: tuple[ProfileStatus, ...]
    recent: tuple[Call, ...]
    doubts: Doubts
    journal: JournalStatus | None = None
    ends: tuple[ExpiryStatus, ...] = ()
    clocks: tuple[ClockStatus, ...] = ()
    unknown_callers: UnknownCallsStatus | None = None
