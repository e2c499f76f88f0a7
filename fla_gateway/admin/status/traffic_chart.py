"""Rule: an hour of traffic becomes the bars of a small chart.

Owns the geometry. Refuses to know colours and words: what was answered is drawn above the line, what failed below
it, so that the picture can be read without any colour.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from fla_gateway.admin.status.profile_status import Minute

WIDTH: Final = 600
HEIGHT: Final = 100
LINE: Final = 70
"""Where the line is, from the top: there is more room above it."""
_GAP: Final = 2
_LEAST: Final = 3
"""Height of a bar that is not empty, so that one failure among thousands is seen."""


class Bar(NamedTuple):
    """A rectangle.

    Attributes:
        kind: ``answered``, ``refused`` or ``failed``.
        x: of its left side, and so on.
    """

    kind: str
    x: int
    y: int
    width: int
    height: int


class Chart(NamedTuple):
    """An hour of traffic.

    Attributes:
        bars: those with something in them.
        answered: calls in all; so are the next two.
        refused: of the gateway's own accord.
        failed: for whatever reason.
        busiest: calls in the busiest minute.
        busiest_at: its begin, or None where there was none.
    """

    bars: tuple[Bar, ...]
    answered: int
    refused: int
    failed: int
    busiest: int
    busiest_at: datetime | None


def draw(minutes: tuple[Minute, ...]) -> Chart:
    """Draw.

    Args:
        minutes: the oldest first.
    """
    above = max((it.answered + it.refused for it in minutes), default=0)
    below = max((it.failed for it in minutes), default=0)
    step = WIDTH // max(1, len(minutes))
    bars = [bar for index, it in enumerate(minutes) for bar in _bars(it, index * step, step - _GAP, above, below)]
    busiest = max(minutes, key=_all, default=None)
    return Chart(
        tuple(bars),
        sum(it.answered for it in minutes),
        sum(it.refused for it in minutes),
        sum(it.failed for it in minutes),
        0 if busiest is None else _all(busiest),
        busiest.start if busiest is not None and _all(busiest) else None,
    )


def _bars(minute: Minute, x: int, width: int, above: int, below: int) -> list[Bar]:
    both = minute.answered + minute.refused
    whole = max(_length(both, above, LINE), _LEAST * (bool(minute.answered) + bool(minute.refused)))
    # The smaller part is drawn at least as high as can be seen, at the cost of the other.
    refused = min(_length(minute.refused, both, whole), whole - _LEAST) if minute.answered else whole
    answered = whole - refused
    failed = _length(minute.failed, below, HEIGHT - LINE)
    bars = (
        Bar("answered", x, LINE - answered, width, answered),
        Bar("refused", x, LINE - whole, width, refused),
        Bar("failed", x, LINE + 1, width, failed - 1),
    )
    return [bar for bar in bars if bar.height > 0]


def _length(number: int, most: int, room: int) -> int:
    return max(_LEAST, round(number * room / most)) if number else 0


def _all(minute: Minute) -> int:
    return minute.answered + minute.refused + minute.failed
