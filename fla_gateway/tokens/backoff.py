"""Rule: how long to wait after a failed attempt.

Owns the delays. Refuses to know what is attempted; randomness is an argument.
"""

from __future__ import annotations

import math
from typing import Final

from fla_gateway.http1.retry_after import LONGEST_RETRY_AFTER
from fla_gateway.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast attempts follow one another, in seconds.

    Attributes:
        least: the shortest delay.
        first: ceiling of the first delay; doubled after each further failure.
        most: ceiling of all delays.
    """

    least: float
    first: float
    most: float


ORDINARY: Final = Pace(least=0.2, first=1.0, most=60.0)
REFUSED: Final = Pace(least=10.0, first=30.0, most=300.0)
"""A refusal of the credentials is repaired by people, and the channel has a quota on failed requests
(tooManyFailedRequests, Belgif REST guide): keep trying, but slowly."""
THROTTLED: Final = Pace(least=2.0, first=5.0, most=120.0)
"""Where a server throttles and does not say for how long."""
_PACES: Final = {"token-refused": REFUSED, "token-throttled": THROTTLED}


LONG_SECONDS: Final = 300
"""The shortest Retry-After where people have to act first; the gateway itself tries again sooner."""


def retry_after_seconds(code: str, left: float) -> int:
    """Return the Retry-After of a call that gets no token.

    Args:
        code: problem code of the failure.
        left: seconds until the next attempt.
    """
    return max(LONG_SECONDS if code == "token-refused" else 1, math.ceil(left))


def pace_for(code: str) -> Pace:
    """Choose the pace for a problem code."""
    return _PACES.get(code, ORDINARY)


def delay_seconds(code: str, failures: int, retry_after: int | None, random: float) -> float:
    """Compute an exponential delay with full jitter, never shorter than what the server asks for.

    Args:
        code: problem code of the failure.
        failures: failures in a row, this one included; at least 1.
        retry_after: seconds that the server asks for, or None.
        random: a number in [0, 1).
    """
    pace = pace_for(code)
    # The exponent is bounded: a float overflows after a thousand failures.
    ceiling = min(pace.most, pace.first * 2.0 ** min(failures - 1, 16))
    asked = min(max(retry_after or 0, 0), LONGEST_RETRY_AFTER)
    return max(pace.least, random * ceiling, float(asked))
