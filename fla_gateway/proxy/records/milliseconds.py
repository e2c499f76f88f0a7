"""Rule: a duration as the lines about exchanges have it.

Owns the rounding, and the texts of short durations. Refuses to know the lines.
"""

from __future__ import annotations

from typing import Final

_TIE: Final = 0.5
_NEAR_A_TIE: Final = 0.001
"""Far more than the multiplications can be wrong by, below `_MOST`."""
_MOST: Final = 1e8
_MOST_REMEMBERED: Final = 2_000
"""Tenths of a millisecond: durations up to 200 ms come again and again."""

_WRITTEN: Final[dict[int, str]] = {}


def milliseconds(seconds: float) -> str:
    """Write a duration in milliseconds, with one decimal, to the last digit as ``%.1f`` does.

    A line has up to three, and the general way, which is right for every number, takes much longer.
    """
    value = seconds * 1000
    if 0.0 <= value < _MOST:
        scaled = value * 10
        tenths = int(scaled)
        beyond = scaled - tenths - _TIE
        if beyond > _NEAR_A_TIE:
            tenths += 1
        if not -_NEAR_A_TIE <= beyond <= _NEAR_A_TIE:
            return _WRITTEN.get(tenths) or _write(tenths)
    return "%.1f" % (seconds * 1000)


def _write(tenths: int) -> str:
    text = f"{tenths // 10}.{tenths % 10}"
    if tenths < _MOST_REMEMBERED:
        _WRITTEN[tenths] = text
    return text
