"""Value: what became of the last reload, for metrics and status.

Owns the names of the facts. Refuses to know how a reload is made (`reload`).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fla_gateway.errors import Fault
from fla_gateway.lean_dataclass import dataclass


class Difference(NamedTuple):
    """A file that the disk no longer has as it was read.

    Attributes:
        path: the file; for one that an `include` means now or no longer, its pattern.
        changed: when, in seconds since 1970.
    """

    path: Path
    changed: float


@dataclass(frozen=True, slots=True)
class ReloadState:
    """What became of the last reload, for metrics and status.

    Attributes:
        generation: number of the one that serves.
        successful: whether the last reload was applied; true before the first.
        last_success: when the configuration in force was applied, in seconds since 1970.
        faults: why the last reload was refused; none once one is applied.
        still_in_force: callers and keys that were removed or revoked in the configuration that was refused.
        differs: files that the disk no longer has as they were read.
    """

    generation: int
    successful: bool
    last_success: float
    faults: tuple[Fault, ...] = ()
    still_in_force: tuple[str, ...] = ()
    differs: tuple[Difference, ...] = ()
