"""Value: who has power over a file, as it was seen when the file was read.

Owns the list of these facts. Refuses to judge them: for keys `keys.files.file_permissions` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Custody:
    """Who has power over a file.

    Attributes:
        owner: user id of the file's owner.
        mode: permission bits of the file.
        directory: where the file really is, links followed.
        directory_mode: permission bits of that.
        user: user id that the gateway runs as.
    """

    owner: int
    mode: int
    directory: Path
    directory_mode: int
    user: int
