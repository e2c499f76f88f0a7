"""State: why reading from a connection is paused.

Owns the reasons: any of them pauses reading, and it resumes when all are gone. Refuses to know what is read.
"""

from __future__ import annotations

import asyncio
from typing import Final

PIPELINED: Final = 1
HELD: Final = 2
THROTTLED: Final = 4
UNREAD: Final = 8
DEFERRED: Final = 16


class Pausable:
    """A connection whose reading can be paused for several reasons at once.

    Attributes:
        transport: its transport, from `connection_made` on.
        closed: whether it is lost.
        blocked: whether the other end takes no bytes for now.
    """

    __slots__ = ("_half_closed", "_paused", "blocked", "closed", "transport")

    def __init__(self) -> None:
        """Start unconnected and reading."""
        self.transport: asyncio.Transport
        self.closed = False
        self.blocked = False
        self._half_closed = False
        self._paused = 0

    def hold(self, *, on: bool) -> None:
        """Stop reading while there is no connection to pass the body on to."""
        self._switch(HELD, on=on)

    def throttle(self, *, on: bool) -> None:
        """Stop reading while the API takes no more."""
        self._switch(THROTTLED, on=on)

    @property
    def throttled(self) -> bool:
        """Whether the API takes no bytes for now."""
        return bool(self._paused & THROTTLED)

    def _switch(self, reason: int, *, on: bool) -> None:
        if on:
            self._pause(reason)
        else:
            self._resume(reason)

    def _pause(self, reason: int) -> None:
        if not self._paused and not self.closed:
            self.transport.pause_reading()
        self._paused |= reason

    def _resume(self, reasons: int) -> None:
        if self._paused & reasons:
            self._paused &= ~reasons
            if not self._paused and not self.closed and not self._half_closed:
                self.transport.resume_reading()
