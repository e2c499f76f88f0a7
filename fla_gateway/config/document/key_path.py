"""Where something is in a configuration, in the notation that faults use.

Owns the dotted notation and the memory of which file a key came from. Refuses to know what is written there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# A key that looks like nothing a person would choose as one may be a secret that slipped in front of an equals sign.
_PRESENTABLE: Final = re.compile(r"[A-Za-z0-9_#.-]{1,40}")


def place(parts: Iterable[str | int]) -> str:
    """Write a path of keys and list positions, for example ``profiles.employer.scope[1]``."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _PRESENTABLE.fullmatch(part) else "(unreadable key)"
            text += f".{key}" if text else key
    return text


class Origins:
    """Remembers in which file each key was written.

    Attributes:
        first: label of the file that includes the others; named in faults of keys that are in no file.
    """

    def __init__(self, first: str) -> None:
        self.first = first
        self._labels: dict[str, str] = {}

    def remember(self, where: str, label: str) -> None:
        """Note that the key at a place was written in the file with this label; the first note stays."""
        self._labels.setdefault(where, label)

    def label(self, where: str) -> str:
        """Name the file of a place, or of the nearest table around it."""
        while where:
            if where in self._labels:
                return self._labels[where]
            where = where[: max(where.rfind("."), where.rfind("["), 0)]
        return self.first
