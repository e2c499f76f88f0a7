"""Adapter: the priority in front of a line, for the journal of systemd.

Owns the question whether a stream leads there, and the prefix of each level (sd-daemon(3): ``<4>`` and the like).
Refuses to write lines. Elsewhere lines have no prefix: it would be a part of their text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, TextIO

_PREFIXES: Final[Mapping[str, str]] = {"debug": "<7>", "info": "<6>", "warning": "<4>", "error": "<3>"}
NO_PREFIXES: Final[Mapping[str, str]] = dict.fromkeys(_PREFIXES, "")


def prefixes(stream: TextIO, environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return what is written in front of each line, by level.

    Args:
        stream: where the lines go.
        environ: the environment; that of the process by default.
    """
    variables = os.environ if environ is None else environ  # noqa: TID251 - says where this process's own streams lead
    # systemd.exec(5): device and inode of the journal's socket; a stream that was redirected has others.
    journal = variables.get("JOURNAL_STREAM")
    return _PREFIXES if journal and journal == _identity(stream) else NO_PREFIXES


def _identity(stream: TextIO) -> str | None:
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return None
    return f"{found.st_dev}:{found.st_ino}"
