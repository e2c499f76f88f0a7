"""The quick way of a caller who is alone judges as the long way does, whoever comes and goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.limits import ACTIVE_SECONDS, Limiter
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
        if step == "enter":
            refusal = quick.enter(name, now)
            assert refusal == long.enter(name, now)
            running[name] += refusal is None
        elif running[name]:
            quick.leave(name, now)
            long.leave(name, now)
            running[name] -= 1
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
