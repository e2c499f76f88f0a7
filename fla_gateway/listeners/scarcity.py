"""Adapter: whether the process has descriptors left for callers, and the event where it has none.

Owns how many make room, and how often it is logged. Refuses to know who waits for one.

libuv takes a connection for which there is no descriptor and resets it, without a word to the event loop. Left in the
kernel's queue it would be served a moment later.
"""

from __future__ import annotations

import os
import time
from typing import Final

import structlog

_LOG = structlog.get_logger()
SPARE: Final = 8
"""Descriptors that are room enough: with fewer, accepting would begin and end with each of them."""
_QUIET_SECONDS: Final = 60.0
_ANY: Final = 2
"""A descriptor that is always open: standard error, or what was put in its place."""


def find_room() -> None:
    """Look for room.

    Raises:
        OSError: there are not even so few descriptors.
    """
    taken: list[int] = []
    try:
        for _ in range(SPARE):
            taken.append(os.dup(_ANY))  # noqa: PERF401 - those that were had before a failure are given back
    finally:
        for descriptor in taken:
            os.close(descriptor)


class Scarcity:
    """Says that callers wait for a descriptor, once a minute at most."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._said_at = -_QUIET_SECONDS

    def note(self, error: OSError) -> None:
        """Take note that there was none."""
        now = time.monotonic()
        if now >= self._said_at + _QUIET_SECONDS:
            self._said_at = now
            _LOG.warning("accepting-delayed", reason=error.strerror)
