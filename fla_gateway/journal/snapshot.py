"""Values: what the journal repeats of the program, and what it shows of itself.

Owns their shape. Refuses to know how they come about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


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
