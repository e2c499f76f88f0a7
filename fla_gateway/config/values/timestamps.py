"""Rule: a moment of the configuration, as people read it.

Owns the notation, which is the one of the file. Refuses to read the clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_DAY: Final = 86_400


def written(moment: float) -> str:
    """Write a moment in the notation of a configuration: the end of a day as that day, any other with its time.

    Args:
        moment: seconds since the epoch, UTC; from 1970 to the end of 9999, which the schema ensures.
    """
    if moment and moment % _DAY == 0:
        return f"{datetime.fromtimestamp(moment - 1, UTC):%Y-%m-%d}"
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
