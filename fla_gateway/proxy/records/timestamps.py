"""State: the last moment that was written, since many lines are about the same millisecond.

Owns the form of times in the lines about exchanges: RFC 3339 in UTC, cut to the millisecond. Refuses to read a clock.
"""

from __future__ import annotations

import time


class Timestamps:
    """Writes moments, one after the other."""

    __slots__ = ("_date", "_moment", "_second", "_text")

    def __init__(self) -> None:
        """Begin with none."""
        self._second = self._moment = -1
        self._date = self._text = ""

    def write(self, when: float) -> str:
        """Write a moment.

        Args:
            when: seconds since the epoch.
        """
        moment = int(when * 1000)
        if moment != self._moment:
            second, milliseconds = divmod(moment, 1000)
            if second != self._second:
                self._second = second
                self._date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._moment = moment
            self._text = f"{self._date}.{milliseconds:03d}Z"
        return self._text
