"""The small chart of an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.admin.status.profile_status import Minute
from fla_gateway.admin.status.traffic_chart import HEIGHT, LINE, WIDTH, draw

START = datetime(2026, 11, 23, tzinfo=UTC)
COUNTS = st.integers(0, 10**6)
HOURS = st.lists(st.tuples(COUNTS, COUNTS, COUNTS), min_size=1, max_size=4)


def hour(counts):
    """Make minutes of triples; an hour of four of them has the same rules."""
    return tuple(Minute(START + timedelta(minutes=at), *it) for at, it in enumerate(counts))


@given(HOURS)
def test_every_bar_is_within_the_picture_and_on_its_side(counts):
    """Answered and refused stand above the line without covering one another, failed hangs below it."""
    chart = draw(hour(counts))
    tops: dict[int, int] = {}
    for bar in chart.bars:
        assert bar.width > 0
        assert bar.height > 0
        assert 0 <= bar.x <= WIDTH - bar.width
        if bar.kind == "failed":
            assert LINE < bar.y <= bar.y + bar.height <= HEIGHT
        else:
            assert bar.y >= 0
            assert bar.y + bar.height == tops.get(bar.x, LINE)
            tops[bar.x] = bar.y


@given(HOURS)
def test_nothing_that_happened_is_invisible(counts):
    """A single failure among a million of answers has a bar, and every number is in the sums."""
    chart = draw(hour(counts))
    for at, kind in enumerate(("answered", "refused", "failed")):
        drawn = sum(bar.kind == kind for bar in chart.bars)
        assert drawn == sum(it[at] > 0 for it in counts)
        assert getattr(chart, kind) == sum(it[at] for it in counts)
    assert chart.busiest == max(map(sum, counts))


def test_an_hour_without_calls():
    """There are no bars and no busiest minute, with and without minutes."""
    for minutes in ((), hour([(0, 0, 0)] * 60)):
        chart = draw(minutes)
        assert (chart.bars, chart.busiest, chart.busiest_at) == ((), 0, None)


def test_the_busiest_minute_has_its_time():
    """It is the one with the most calls of all kinds."""
    chart = draw(hour([(1, 0, 0), (1, 1, 3), (4, 0, 0)]))
    assert (chart.busiest, chart.busiest_at) == (5, START + timedelta(minutes=1))
