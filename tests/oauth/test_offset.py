from __future__ import annotations

import pytest

from fla_gateway.oauth.offset import ClockOffset, learn, take_sample, worth_telling, worth_trying


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
    assert worth_telling(ClockOffset(before), ClockOffset(after)) is told


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
    assert worth_trying(sample, used) == offset
