"""State: the Date of responses (RFC 9110, section 6.6.1), formatted once a second.

Owns the last one that was formatted. Refuses to read a clock of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

# email.utils would take a hundredth of a start.
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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
        return _written(self._wall())

    def field_rest(self) -> bytes:
        """Return a field line from its colon on; formatted anew once a second."""
        second = int(self._wall())
        if second != self._at:
            self._at = second
            self._field_rest = f": {_written(second)}\r\n".encode()
        return self._field_rest


def _written(seconds: float) -> str:
    """Write a time as IMF-fixdate (RFC 9110, section 5.6.7), whatever the locale."""
    at = time.gmtime(seconds)
    return (
        f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year:04} "
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT"
    )
