"""Values: what the journal repeats of the program and of its operator, and what it shows of itself.

Owns their shape. Refuses to know how they come about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fla_gateway.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What the journal repeats of the program and its configuration.

    Attributes:
        version: of the program.
        configuration: fingerprint of the configuration.
        environments: gives the name of each profile's environment, by the configuration in force.
    """

    version: str
    configuration: str
    environments: Callable[[], Mapping[str, str]]


class Account(NamedTuple):
    """As which client a profile acts; empty where nothing is known.

    Attributes:
        profile: its name.
        environment: name of its environment.
        api: host of the API, with its port where that is not 443.
        client_id: the client of the token server.
        certificate: SHA-256 of the DER of the certificate that the key belongs to, in hexadecimal digits.
        certificate_end: its end of validity, in epoch seconds.
    """

    profile: str
    environment: str
    api: str
    client_id: str
    certificate: str = ""
    certificate_end: float | None = None


class Settlement(NamedTuple):
    """The end of a doubt, as a person found it out.

    Attributes:
        request_id: of the request that was in doubt.
        result: one of `format.line_format.SETTLEMENTS`.
        note: what the person wrote beside it, or empty.
        by: the name that the person gave, or empty; nothing proves it.
        uid: the user id that the kernel gave of the process that asked; None where none was proven.
    """

    request_id: str
    result: str
    note: str = ""
    by: str = ""
    uid: int | None = None

    def members(self) -> dict[str, Any]:
        """Return what the record says of it; what would say nothing is left out."""
        return {
            "id": self.request_id,
            "as": self.result,
            **({"note": self.note} if self.note else {}),
            **({"by": self.by} if self.by else {}),
            **({} if self.uid is None else {"uid": self.uid}),
        }


@dataclass(frozen=True, slots=True)
class JournalSnapshot:
    """The journal at one moment; for metrics and status.

    Attributes:
        head: hash of the last line.
        seq: its number.
        segment: number of the last segment; 0 before the first.
        daily_head: the head that was logged last.
        waiting: entries that wait to be written.
        oldest_seconds: how long the first of them has waited; 0 without any.
        unsynced_seconds: how long the first line has been written that may not be on the disk; 0 without any, and with
            ``fsync = "never"``.
        failing: whether the journal cannot be written or synced at present.
        failures: times that this began, since the start.
        lost: entries lost since the start.
        syncs: fsyncs that succeeded, since the start.
        sync_failures: those that failed.
    """

    head: str
    seq: int
    segment: int
    daily_head: str
    waiting: int
    oldest_seconds: float
    unsynced_seconds: float
    failing: bool
    failures: int
    lost: int
    syncs: int
    sync_failures: int
