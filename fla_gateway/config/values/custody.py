"""Value: who has power over a file, as it was seen when the file was read.

Owns the list of these facts. Refuses to judge them: for keys `keys.files.file_permissions` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from fla_gateway.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Custody:
    """Who has power over a file.

    Attributes:
        owner: user id of the file's owner.
        mode: permission bits of the file.
        directory: where the file really is, links followed.
        directory_mode: permission bits of that.
        user: user id that the gateway runs as.
        passed: permission bits of the directories whose links lead there.
    """

    owner: int
    mode: int
    directory: Path
    directory_mode: int
    user: int
    passed: Mapping[Path, int] = field(default_factory=dict)
