from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.oauth.clock_skew import ClockOffset, better_offset, learn, should_report, take_sample
from tests.support.properties import BOUNDED


def learned(*samples):
    """Learn samples one after the other and give what is believed in the end."""
    known = ClockOffset()
    for sample in samples:
        known = learn(known, sample)
    return known.learned


@pytest.mark.parametrize(
    ("samples", "believed"),
    [
        ((), 0.0),
        ((300.0,), 0.0),
        ((300.0, 302.0), 302.0),
        ((300.0, -4.0), 0.0),
        ((300.0, -4.0, 300.0), 0.0),
        ((300.0, 300.0, -4.0), 300.0),
        ((300.0, 300.0, -4.0, -4.0), -4.0),
        ((-90_000.0, -90_001.0), -86_400.0),
        ((1e9, 1e9), 86_400.0),
    ],
)
def test_an_offset_is_believed_when_two_samples_agree(samples, believed):
    """One odd Date teaches nothing; two in a row that agree do, within a day either way."""
    assert learned(*samples) == believed


def test_equal_clocks_never_put_iat_into_the_future():
    """Date is cut to seconds, so that a sample of equal clocks is at most zero and at least minus one."""
    assert take_sample(date=100.0, sent=100.0, received=100.0) == 0
    assert take_sample(date=100.0, sent=100.9, received=100.9) == pytest.approx(-0.9)
    assert take_sample(date=101.0, sent=100.0, received=103.0) == -0.5


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [(0, 30, False), (0, 31, True), (29, 31, True), (31, 60, False), (31, 62, True), (-31, -29, True), (40, -40, True)],
)
def test_skew_is_told_when_it_becomes_noteworthy_or_jumps(before, after, told):
    """A clock that drifts slowly over the limit is told of as well as one that jumps; a steady skew only once."""
    assert should_report(ClockOffset(before), ClockOffset(after)) is told


@pytest.mark.parametrize(
    ("sample", "used", "offset"),
    [
        (None, 0.0, None),
        (30.0, 0.0, None),
        (31.0, 0.0, 31.0),
        (-31.0, 0.0, -31.0),
        (0.0, 300.0, 0.0),
        (300.0, 300.0, None),
        (86_401.0, 0.0, None),
    ],
)
def test_another_assertion_needs_another_time(sample, used, offset):
    """A refused assertion is made again only if its time was more than 30 s from what the refusal shows."""
    assert better_offset(sample, used, used) == offset


@pytest.mark.parametrize(
    ("sample", "learned", "offset"),
    [
        # One sample: an hour from the host's clock, either way; a little more is cut to the hour.
        (3599.0, 0.0, 3599.0),
        (-3599.0, 0.0, -3599.0),
        (3601.0, 0.0, 3600.0),
        (-3601.0, 0.0, -3600.0),
        (3700.0, 0.0, None),
        (-3700.0, 0.0, None),
        (80_000.0, 0.0, None),
        (-80_000.0, 0.0, None),
        # An hour from what is believed, and always back to the host's own clock.
        (20_000.0, 18_000.0, 20_000.0),
        (22_000.0, 18_000.0, None),
        (0.0, 18_000.0, 0.0),
        (-5_000.0, 18_000.0, None),
        # Two samples that agree: up to a day.
        (80_000.0, 80_003.0, 80_003.0),
        (-80_000.0, -80_003.0, -80_003.0),
    ],
)
def test_one_sample_moves_an_assertion_by_an_hour_at_most(sample, learned, offset):
    """What only one answer claims is not signed further ahead; what two answers agree on is, within a day."""
    used = 0.0 if offset != 0.0 else learned
    assert better_offset(sample, used, learned) == offset


@BOUNDED
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_no_single_date_signs_further_ahead_than_an_hour(samples):
    """Whatever one answer says after others, the time signed is within an hour of a confirmed one, or of ours."""
    known = ClockOffset()
    for sample in samples:
        used, known = known.learned, learn(known, sample)
        offset = better_offset(sample, used, known.learned)
        if offset is not None:
            low, high = min(0.0, known.learned), max(0.0, known.learned)
            assert low - 3600 <= offset <= high + 3600
