"""Rule: which files of a configuration other users could change.

Owns the permissions that are refused, each with its cure. Refuses to read files: what was seen of one is returned by a
function that is passed in.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from fla_gateway.config.values.custody import Custody
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text


def exposed_sources(sources: Iterable[Path], custody: Callable[[Path], Custody | None]) -> tuple[Fault, ...]:
    """Refuse the configuration's own files where other users may write them, or put others in their place.

    Args:
        sources: the files.
        custody: returns what was seen of a file when it was read.
    """
    found: list[Fault] = []
    for path in sources:
        seen = custody(path)
        if seen is None:
            continue
        if seen.mode & stat.S_IWOTH:
            message = Message("file-writable-by-others", "other users may write to it")
            found.append(Fault("", message, Text("chmod o-w {path}", path=str(path)), str(path)))
        for directory, mode in {**seen.passed, seen.directory: seen.directory_mode}.items():
            # In a directory with the sticky bit only the owner of a file, or of a link, can replace it.
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                message = Message("file-replaceable-by-others", "other users may put another file in its place")
                found.append(Fault("", message, Text("chmod o-w {path}", path=str(directory)), str(path)))
    return tuple(found)
