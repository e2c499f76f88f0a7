"""State: the Date of responses (RFC 9110, section 6.6.1), formatted once a second.

Owns the last one that was formatted. Refuses to read a clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate


class Dates:
    """Formats the current time as a Date."""

    __slots__ = ("_at", "_field_rest", "_wall")

    def __init__(self, wall: Callable[[], float]) -> None:
        """Take `Clock.wall`."""
        self._wall = wall
        self._at = -1
        self._field_rest = b""

    def text(self) -> str:
        """Return the field's value."""
        return formatdate(self._wall(), usegmt=True)

    def field_rest(self) -> bytes:
        """Return a field line from its colon on; formatted anew once a second."""
        second = int(self._wall())
        if second != self._at:
            self._at = second
            self._field_rest = f": {formatdate(second, usegmt=True)}\r\n".encode()
        return self._field_rest
