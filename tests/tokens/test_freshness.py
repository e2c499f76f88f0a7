from __future__ import annotations

from itertools import product

import pytest

from fla_gateway.oauth.model import AccessToken
from fla_gateway.secret import Secret
from fla_gateway.tokens.freshness import Deadlines, Freshness, deadlines, freshness, soft_fraction

START = 1000.0


@pytest.mark.parametrize(
    ("lifetime", "soft", "hard"),
    [
        # lifetime, seconds to the soft deadline at 50 %, seconds to the hard one
        (-5.0, 0.5, 1.0),
        (0.0, 0.5, 1.0),
        (1.0, 0.5, 1.0),
        (2.0, 1.0, 1.8),
        (30.0, 15.0, 27.0),
        (60.0, 30.0, 54.0),
        (600.0, 300.0, 590.0),
        (3600.0, 1800.0, 3590.0),
        (86_400.0, 43_200.0, 86_390.0),
        (1e300, 43_200.0, 86_390.0),
        (float("inf"), 43_200.0, 86_390.0),
    ],
)
def test_deadlines_of_every_lifetime(lifetime, soft, hard):
    """A token is stale after half its life at the earliest and expired a little before its end, never at once."""
    limits = deadlines(AccessToken(Secret("t"), lifetime, START), START, soft_fraction(0.0))
    assert limits.soft - START == pytest.approx(soft)
    assert limits.hard - START == pytest.approx(hard)


@pytest.mark.parametrize("lifetime", [0.0, 1.0, 30.0, 60.0, 600.0, 3600.0])
def test_a_token_is_always_used_for_a_moment(lifetime):
    """However short its life and however late it arrives, a token is fresh at first and stale before it expires."""
    for random, travelled in product((0.0, 0.3, 0.999999), (0.0, 0.5, 7.0, 100.0)):
        arrived = START + travelled
        limits = deadlines(AccessToken(Secret("t"), lifetime, START), arrived, soft_fraction(random))
        assert freshness(limits, arrived) is Freshness.FRESH, (random, travelled)
        assert limits.soft <= limits.hard, (random, travelled)
        assert limits.hard >= arrived + 1.0, (random, travelled)


@pytest.mark.parametrize(("random", "fraction"), [(0.0, 0.5), (0.5, 0.625), (1.0, 0.75)])
def test_jitter_spreads_the_soft_deadline(random, fraction):
    """The soft deadline lies between 50 and 75 % of a life, by the entry's own random number."""
    assert soft_fraction(random) == fraction


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (9.999, Freshness.FRESH),
        (10.0, Freshness.STALE),
        (19.999, Freshness.STALE),
        (20.0, Freshness.EXPIRED),
        (1e9, Freshness.EXPIRED),
    ],
)
def test_a_deadline_belongs_to_what_follows_it(now, expected):
    """At the very moment of a deadline the token has already changed its state."""
    assert freshness(Deadlines(10.0, 20.0), now) is expected


def test_the_age_counts_from_before_the_request():
    """Time spent on the way is taken off the life of a token."""
    limits = deadlines(AccessToken(Secret("t"), 60.0, START), START + 7.0, 0.5)
    assert limits == Deadlines(START + 30.0, START + 54.0)
