"""Whether the gateway is ready, and the reason in a word."""

from __future__ import annotations

import pytest

from fla_gateway.runtime.readiness import judge

LOADING, SERVED, UNAVAILABLE = {"loading": 1}, {"served": 1}, {"unavailable": 1}


@pytest.mark.parametrize("ready", ["any", "all"])
@pytest.mark.parametrize("states", [{}, LOADING, SERVED, UNAVAILABLE])
@pytest.mark.parametrize("phase", ["starting", "stopping"])
def test_before_and_after_it_listens_profiles_do_not_count(phase, states, ready):
    """Whatever profiles there are, a gateway that starts or stops is not ready, for that reason."""
    assert judge(phase, states, ready) == phase


@pytest.mark.parametrize(
    ("states", "any_one", "all_of_them"),
    [
        ({}, "no-profile", "no-profile"),
        (LOADING, "loading", "loading"),
        (SERVED, "serving", "serving"),
        (UNAVAILABLE, "no-profile", "no-profile"),
        ({**LOADING, **SERVED}, "serving", "loading"),
        ({**LOADING, **UNAVAILABLE}, "loading", "loading"),
        ({**SERVED, **UNAVAILABLE}, "serving", "no-profile"),
        ({**LOADING, **SERVED, **UNAVAILABLE}, "serving", "loading"),
    ],
)
def test_one_profile_is_enough_or_every_one_is_needed(states, any_one, all_of_them):
    """`[admin] ready` decides; while a key may still come, that is the reason to wait."""
    assert (judge("listening", states, "any"), judge("listening", states, "all")) == (any_one, all_of_them)
