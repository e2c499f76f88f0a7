"""The quick way of a caller who is alone judges as the long way does, whoever comes and goes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.limits.caller_use import ACTIVE_SECONDS
from fla_gateway.access.limits.limiter import Limiter
from fla_gateway.config.schema import Limits

NAMES = ("payroll", "hr", "training")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "enter", "leave"]),
        st.integers(0, len(NAMES) - 1),
        st.sampled_from([0.0, 0.0, 0.01, 0.3, 1.0, ACTIVE_SECONDS + 0.1]),
    ),
    max_size=80,
)


def _step(quick: Limiter, long: Limiter, running: dict[str, int], name: str, enters: bool, now: float) -> None:
    """Have a caller begin an exchange, or end one of his, with both limiters; they must say the same."""
    if enters:
        refusal = quick.enter(name, now)
        assert refusal == long.enter(name, now)
        running[name] += refusal is None
    elif running[name]:
        quick.leave(name, now)
        long.leave(name, now)
        running[name] -= 1


@given(most=st.integers(1, 6), rate=st.sampled_from([None, None, 2, 50]), steps=STEPS)
def test_a_limit_of_his_own_that_nobody_reaches_changes_nothing(most, rate, steps):
    """Who has a limit of his own is never judged the quick way; where it is out of reach, both say the same."""
    shared = Limits(concurrent=most, per_second=rate)
    quick = Limiter(shared, {})
    long = Limiter(shared, {name: Limits(concurrent=100_000) for name in NAMES})
    running = dict.fromkeys(NAMES, 0)
    now = 0.0
    for step, number, pause in steps:
        name = NAMES[number]
        now += pause
        _step(quick, long, running, name, step == "enter", now)
        assert sum(running.values()) <= most


def test_what_ran_before_somebody_else_came_still_counts():
    """Three exchanges begun alone are three of his share when it has to be shared, and end as his."""
    limits = Limiter(Limits(concurrent=4), {})
    assert [limits.enter("payroll", 0.0) for _ in range(3)] == [None] * 3
    assert limits.enter("hr", 1.0) is None
    assert limits.enter("payroll", 1.0) is not None
    limits.leave("payroll", 1.1)
    assert limits.enter("payroll", 1.2) is not None
    assert limits.enter("hr", 1.2) is None
    limits.leave("payroll", 1.3)
    assert limits.enter("payroll", 1.4) is None


@pytest.mark.parametrize("rate", [None, 40])
@pytest.mark.parametrize("seed", range(8))
def test_through_a_long_life_nobody_has_more_than_he_may(seed, rate):
    """Alone or among others, with limits of his own or without: the quick way lets in whom the long way lets in."""
    dice = random.Random(seed)  # noqa: S311 - a life that can be had again
    most, own = dice.randint(2, 6), {"training": Limits(concurrent=1), "hr": Limits(concurrent=100_000)}
    shared = Limits(concurrent=most, per_second=rate)
    quick, long = Limiter(shared, {"training": own["training"]}), Limiter(shared, own | {"payroll": own["hr"]})
    running = dict.fromkeys(NAMES, 0)
    now = 0.0
    for step in range(3_000):
        # Spells in which one is alone, and spells in which all of them come; of much traffic, and of hardly any.
        name = NAMES[step // 40 % 4 % 3] if step // 20 % 2 else dice.choice(NAMES)
        now += dice.choice([0.0, 0.0, 0.01, 0.1, 0.3, ACTIVE_SECONDS if step % 40 < 3 else 0.02])
        _step(quick, long, running, name, dice.random() < (0.6 if step // 60 % 3 else 0.2), now)
        assert sum(running.values()) <= most
        assert running["training"] <= 1


def test_who_is_alone_keeps_to_a_limit_of_his_own():
    """Where the profile has room for all he asks, what he may have at once and in a second is still asked of him."""
    limits = Limiter(Limits(concurrent=9), {"hr": Limits(concurrent=2), "training": Limits(per_second=3)})
    assert [limits.enter("hr", 0.0) is None for _ in range(3)] == [True, True, False]
    for _ in range(2):
        limits.leave("hr", 0.1)
    # The others of the profile are gone by then.
    now = 1 + ACTIVE_SECONDS
    assert [limits.enter("training", now) is None for _ in range(4)] == [True, True, True, False]
    limits.leave("training", now)
    assert limits.enter("training", now) is not None


def test_who_is_left_alone_with_a_limit_of_his_own_keeps_to_it():
    """That the others went makes room in the profile, and none in what he himself may have."""
    limits = Limiter(Limits(concurrent=9), {"hr": Limits(concurrent=2)})
    assert [limits.enter(name, 0.0) for name in ("payroll", "hr")] == [None, None]
    limits.leave("payroll", 0.0)
    later = 1 + ACTIVE_SECONDS
    assert [limits.enter("hr", later) is None for _ in range(2)] == [True, False]


def test_who_comes_at_the_same_moment_finds_what_runs_counted():
    """Of four, one alone has three; another has come before anything was swept, and no third share is his."""
    limits = Limiter(Limits(concurrent=4), {})
    assert [limits.enter(name, 0.0) for name in ("payroll", "payroll", "payroll", "hr")] == [None] * 4
    limits.leave("payroll", 0.0)
    assert limits.enter("payroll", 0.0) is not None
    assert limits.enter("hr", 0.0) is None


def test_who_was_alone_and_still_has_something_running_is_not_forgotten():
    """However long it takes, he is one of two when somebody else comes; and once it is over, he is none."""
    limits = Limiter(Limits(concurrent=4), {})
    assert [limits.enter("payroll", 0.0) for _ in range(2)] == [None, None]
    limits.leave("payroll", 0.0)
    later = 2 * ACTIVE_SECONDS
    assert [limits.enter("hr", later) is None for _ in range(4)] == [True, True, False, False]
    limits.leave("payroll", later)
    assert [limits.enter("hr", 2 * later) is None for _ in range(3)] == [True, True, False]
    assert limits.enter("payroll", 2 * later) is not None


def test_who_was_alone_and_is_long_done_has_no_share_any_more():
    """Whoever comes then is alone himself, from his first request on."""
    limits = Limiter(Limits(concurrent=4), {})
    for _ in range(3):
        assert limits.enter("payroll", 0.0) is None
        limits.leave("payroll", 0.0)
    assert [limits.enter("hr", 2 * ACTIVE_SECONDS) for _ in range(4)] == [None] * 4
