"""Times in the lines about exchanges."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.proxy.records.timestamps import Timestamps
from tests.support.properties import BOUNDED


@BOUNDED
@given(st.lists(st.floats(0, 4_000_000_000), min_size=1, max_size=6))
def test_a_moment_is_cut_to_the_millisecond_whatever_was_written_before(moments: list[float]) -> None:
    """What is remembered of the last one never shows in the next, forward and backward in time."""
    timestamps = Timestamps()
    for moment in moments:
        cut = int(moment * 1000)
        whole = datetime.fromtimestamp(cut // 1000, UTC)
        assert timestamps.write(moment) == f"{whole:%Y-%m-%dT%H:%M:%S}.{cut % 1000:03d}Z"


def test_moments_within_a_second_and_within_a_millisecond_are_told_apart_or_alike() -> None:
    """A clock that goes back is written as it is."""
    timestamps = Timestamps()
    written = [timestamps.write(1_800_000_000 + it) for it in (0.0005, 0.0009, 0.5, 59.999, 0.0005)]
    assert [it.partition("T")[2] for it in written] == [
        "08:00:00.000Z", "08:00:00.000Z", "08:00:00.500Z", "08:00:59.999Z", "08:00:00.000Z",
    ]  # fmt: skip
