"""State: how often a wrong key was presented recently.

Owns the count. Refuses to know the peer: all peers are counted together, and the right key is never made to wait.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

MOST: Final = 20
"""Wrong keys within a minute that are answered 401."""
WINDOW: Final = 60.0
PAUSE: Final = 60.0
"""Seconds of 429 afterwards."""


class Attempts:
    """Wrong keys on one listener.

    A key of 256 bits is not found by trying. The pause keeps a peer that tries from filling log and CPU, and shows
    such attempts as what they are; a user of the same machine must not be able to lock the operator out with it.
    """

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MOST)
        self._until = -math.inf

    def failed(self, now: float) -> int:
        """Count a wrong key.

        Args:
            now: `Clock.monotonic`.

        Returns:
            0 to answer 401, or the seconds until wrong keys are answered so again.
        """
        if now < self._until:
            return math.ceil(self._until - now)
        self._times.append(now)
        if len(self._times) == MOST and now - self._times[0] < WINDOW:
            self._until = now + PAUSE
            self._times.clear()
        return 0
