from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.limits.caller_use import ACTIVE_SECONDS
from fla_gateway.access.limits.limiter import Limiter, limiter_for
from fla_gateway.config.schema import CallerTable, KeySource, Limits, ProfileTable

PROFILE = ProfileTable(environment="simulation", client_id="c", key=KeySource())


def limiter(*, profile=None, **callers) -> Limiter:
    """Make a limiter out of limits."""
    return Limiter(profile or Limits(), callers)


def entered(limits, caller, now, times) -> int:
    """Let a caller try to enter so many times at once; tell how often it could."""
    return sum(limits.enter(caller, now) is None for _ in range(times))


class Traffic:
    """Callers who send requests of a given duration at their own paces, in simulated time."""

    def __init__(self, limits: Limiter, duration: float) -> None:
        self.limits = limits
        self.duration = duration
        self.tried: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        self._events: list[tuple[float, int, str, Iterator[float] | None]] = []
        self._count = 0

    def add(self, caller, per_second, *, begin=0.0, end=60.0) -> None:
        """Let a caller send at an even pace."""
        number = round((end - begin) * per_second)
        moments = (begin + index / per_second for index in range(1, number + 1))
        self._next(caller, moments)

    def run(self) -> None:
        """Run to the end of all traffic."""
        while self._events:
            now, _, caller, moments = heapq.heappop(self._events)
            if moments is None:
                self.limits.leave(caller, now)
                continue
            self.tried[caller] += 1
            if self.limits.enter(caller, now) is None:
                self.served[caller] += 1
                self._push(now + self.duration, caller, None)
            self._next(caller, moments)

    def refused(self, caller) -> float:
        """Give how many requests of a caller were refused after the first one, as part of what he sent."""
        return max(0, self.tried[caller] - self.served[caller] - 1) / self.tried[caller]

    def _next(self, caller, moments) -> None:
        moment = next(moments, None)
        if moment is not None:
            self._push(moment, caller, moments)

    def _push(self, when, caller, moments) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, caller, moments))


def test_a_caller_has_so_many_exchanges_at_once():
    """Beyond his own `concurrent` a caller is refused, until one of his exchanges ends; others are not concerned."""
    limits = limiter(erp=Limits(concurrent=2))
    assert entered(limits, "erp", 0, 3) == 2
    refusal = limits.enter("erp", 0)
    assert refusal is not None
    assert refusal.code == "too-many-requests"
    assert refusal.retry_after == 1
    assert "Caller erp has 2 exchanges running" in refusal.detail
    assert limits.enter("payroll", 0) is None
    limits.leave("erp", 0)
    assert entered(limits, "erp", 0, 2) == 1


def test_a_caller_has_so_many_requests_per_second():
    """One second's worth may come at once, then one by one at the pace of the limit."""
    limits = limiter(erp=Limits(per_second=5))
    assert entered(limits, "erp", 10, 9) == 5
    assert entered(limits, "erp", 10.19, 9) == 0
    assert entered(limits, "erp", 10.2, 9) == 1
    assert entered(limits, "erp", 99, 9) == 5


@pytest.mark.parametrize(("rate", "seconds"), [(5, 1), (1, 1), (0.5, 2), (0.1, 10)])
def test_who_waits_as_told_is_let_in(rate, seconds):
    """Retry-After is the time until a request is permitted again, in whole seconds."""
    limits = limiter(profile=Limits(per_second=rate))
    while (refusal := limits.enter("", 0)) is None:
        limits.leave("", 0)
    assert refusal.retry_after == seconds
    assert limits.enter("", seconds) is None


def test_a_refused_request_uses_nothing_up():
    """However many requests are refused, the next token comes when it would have come anyway."""
    limits = limiter(profile=Limits(per_second=1, concurrent=1), erp=Limits(per_second=1))
    assert limits.enter("erp", 0) is None
    assert all(limits.enter("erp", moment / 100) for moment in range(99))
    limits.leave("erp", 0.99)
    assert limits.enter("erp", 1) is None


def test_one_limit_that_refuses_leaves_the_others_alone():
    """Who is refused for the profile's limit has not used up anything of his own."""
    limits = limiter(profile=Limits(concurrent=1), erp=Limits(per_second=1))
    assert limits.enter("payroll", 0) is None
    assert limits.enter("erp", 0) is not None
    limits.leave("payroll", 0)
    assert limits.enter("erp", 0) is None


def test_alone_a_caller_uses_all():
    """While nobody else is active, one caller may use the whole of the profile's limits."""
    assert entered(limiter(profile=Limits(concurrent=8)), "erp", 0, 99) == 8
    limits = limiter(profile=Limits(per_second=8))
    traffic = Traffic(limits, 0.01)
    traffic.add("erp", 800, end=10)
    traffic.run()
    # The first second's worth, and then 8 in each of ten seconds.
    assert traffic.served["erp"] == pytest.approx(88, abs=1)


@pytest.mark.parametrize("floods", [1, 3])
@pytest.mark.parametrize("most", [4, 8, 20])
def test_a_flood_does_not_take_the_exchanges_of_others(most, floods):
    """While others send thirty times of what they may, he who stays within his share is served."""
    limits = limiter(profile=Limits(concurrent=most))
    traffic = Traffic(limits, duration=0.2)
    share = most // (floods + 1)
    for number in range(floods):
        traffic.add(f"flood-{number}", 30 * most / traffic.duration / floods, end=10)
    # Evenly spaced, `share` exchanges of his run at any time. Those of the flood that run already must end first.
    traffic.add("polite", share / traffic.duration * 0.99, begin=1, end=10)
    traffic.run()
    assert traffic.refused("polite") < 0.03
    # And nothing lies idle: the flood has all the rest.
    flooded = sum(traffic.served[name] for name in traffic.served if name != "polite")
    assert flooded > 0.95 * (most - share) * 9 / traffic.duration


@pytest.mark.parametrize("floods", [1, 3])
@pytest.mark.parametrize("rate", [4, 10, 30])
def test_a_flood_does_not_take_the_rate_of_others(rate, floods):
    """While others send a hundred times the permitted rate, he who stays within his share is served."""
    limits = limiter(profile=Limits(per_second=rate))
    traffic = Traffic(limits, duration=0.001)
    # As many requests, whatever the rate.
    end = 5 + 60 / rate
    for number in range(floods):
        traffic.add(f"flood-{number}", 100 * rate / floods, end=end)
    traffic.add("polite", rate / (floods + 1) * 0.95, begin=5, end=end)
    traffic.run()
    assert traffic.refused("polite") < 0.03
    assert sum(traffic.served.values()) == pytest.approx((end + 1) * rate, rel=0.05)


def test_what_others_do_not_use_of_the_rate_is_not_wasted():
    """Of the rate that a polite caller leaves, all goes to the one who wants it."""
    limits = limiter(profile=Limits(per_second=10))
    traffic = Traffic(limits, duration=0.001)
    traffic.add("greedy", 200)
    traffic.add("polite", 1)
    traffic.run()
    assert traffic.refused("polite") < 0.03
    assert traffic.served["greedy"] == pytest.approx(60 * 9, rel=0.05)


def test_a_newcomer_has_his_part_of_what_is_left():
    """Of the second's worth that is at hand when he comes, an equal part is his, however fast the other one asks."""
    limits = limiter(profile=Limits(per_second=10))
    assert entered(limits, "greedy", 0, 1) == 1
    assert entered(limits, "newcomer", 0, 1) == 1
    assert entered(limits, "greedy", 0, 99) == 4
    assert entered(limits, "newcomer", 0, 99) == 3


@pytest.mark.parametrize("floods", [1, 3])
@pytest.mark.parametrize("rate", [0.1, 0.5, 2])
def test_a_slow_rate_is_shared_with_who_comes_again_as_told(rate, floods):
    """Where there are fewer requests per second than callers, he who waits as he is told gets his share of them."""
    limits = limiter(profile=Limits(per_second=rate))
    served: Counter[str] = Counter()
    again = 0.0
    pause = min(0.25, 0.1 / rate)
    steps = round(30 * (floods + 1) / rate / pause)
    for now in (pause * step for step in range(steps)):
        for caller in (*(f"flood-{number}" for number in range(floods)), *(["polite"] if now >= again else [])):
            refusal = limits.enter(caller, now)
            if refusal is None:
                limits.leave(caller, now)
                served[caller] += 1
            elif caller == "polite":
                assert refusal.retry_after is not None
                again = now + refusal.retry_after
    # There is one for each of the callers, thirty times over.
    assert served["polite"] >= 20


def test_with_fewer_exchanges_than_callers_they_take_turns():
    """Who was refused and comes again after a second is let in before the flood that came in the meantime."""
    limits = limiter(profile=Limits(concurrent=1))
    served: Counter[str] = Counter()
    busy, holder = -1.0, ""
    for step in range(2000):
        now = step / 100
        if holder and now >= busy:
            limits.leave(holder, now)
            holder = ""
        # A hundred tries a second of one, and one try a second of the other.
        for caller in ("flood", "polite") if step % 100 == 50 else ("flood",):
            if limits.enter(caller, now) is None:
                holder, busy = caller, now + 0.3
                served[caller] += 1
    assert served["polite"] >= 9
    assert served["flood"] >= 9


def test_a_turn_is_not_kept_for_ever():
    """The exchange that is kept for a refused caller goes to others if he does not come within two seconds."""
    limits = limiter(profile=Limits(concurrent=1))
    assert limits.enter("flood", 0) is None
    assert limits.enter("polite", 0) is not None
    limits.leave("flood", 0.5)
    assert limits.enter("flood", 1.9) is not None
    assert limits.enter("flood", 2.1) is None


def test_after_five_quiet_seconds_a_share_is_free():
    """A caller who has not been seen for five seconds keeps nothing free for himself."""
    limits = limiter(profile=Limits(concurrent=4))
    assert limits.enter("polite", 0) is None
    limits.leave("polite", 1)
    assert entered(limits, "erp", 1, 9) == 2
    assert entered(limits, "erp", 1 + ACTIVE_SECONDS - 0.1, 9) == 0
    assert entered(limits, "erp", 1 + ACTIVE_SECONDS + 0.3, 9) == 2


def test_a_running_exchange_keeps_a_caller_active():
    """However long an exchange runs, its caller has his share."""
    limits = limiter(profile=Limits(concurrent=4))
    assert limits.enter("slow", 0) is None
    assert entered(limits, "erp", 300, 9) == 2
    assert limits.enter("slow", 300) is None


def test_nothing_is_kept_for_who_may_not_use_it():
    """A caller whose own limit is below his share has the rest of it left to the others."""
    limits = limiter(profile=Limits(concurrent=10), small=Limits(concurrent=1))
    assert limits.enter("small", 0) is None
    assert entered(limits, "erp", 0, 99) == 9


def test_the_refusal_says_that_others_are_there():
    """Who is refused although he has not used the limit up alone is told with how many he shares it."""
    limits = limiter(profile=Limits(concurrent=4, per_second=100))
    limits.enter("polite", 0)
    entered(limits, "erp", 0, 9)
    refusal = limits.enter("erp", 0)
    assert refusal is not None
    assert "The profile's limit of 4 concurrent exchanges, shared by the 2 callers" in refusal.detail
    assert "polite" not in refusal.detail


def test_without_names_all_are_one_caller():
    """Where nobody is asked who he is, all share what one caller may use."""
    assert entered(limiter(profile=Limits(concurrent=5)), "", 0, 9) == 5


MOVES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "leave"]), st.floats(0, 3)), max_size=200)


@given(MOVES, st.integers(1, 6), st.sampled_from([0.3, 1, 4]), st.integers(1, 3))
def test_no_order_of_events_exceeds_a_limit(moves, most, rate, own):
    """Whatever callers do, neither the profile's limits nor a caller's own are ever exceeded."""
    limits = limiter(profile=Limits(concurrent=most, per_second=rate), a=Limits(concurrent=own))
    running: Counter[str] = Counter()
    now, let_in = 0.0, 0
    for caller, move, wait in moves:
        now += wait
        if move == "enter":
            refusal = limits.enter(caller, now)
            if refusal is None:
                let_in += 1
                running[caller] += 1
            else:
                assert refusal.retry_after is not None
                assert refusal.retry_after >= 1
        elif running[caller]:
            limits.leave(caller, now)
            running[caller] -= 1
        assert sum(running.values()) <= most
        assert running["a"] <= own
        assert let_in <= max(1, rate) + rate * now + 1e-6


def test_the_smaller_body_limit_counts():
    """A body must be within the limit of the profile and of the caller."""
    limits = limiter(profile=Limits(body_bytes=1000), small=Limits(body_bytes=0), large=Limits(body_bytes=5000))
    sizes = (0, 1, 1000, 1001, 2**40)
    for caller, most in (("small", 0), ("large", 1000), ("other", 1000)):
        refused = [size for size in sizes if limits.beyond_body(caller, size) is not None]
        assert refused == [size for size in sizes if size > most]
    assert limiter(small=Limits(body_bytes=7)).beyond_body("other", 2**40) is None


def test_a_body_that_announces_itself_too_large_uses_up_nothing():
    """It is refused before it counts as running; one whose length is not known yet is let in."""
    limits = limiter(profile=Limits(concurrent=1, body_bytes=1000))
    refusal = limits.enter("any", 0.0, 1001)
    assert refusal is not None
    assert refusal.code == "body-too-large"
    assert limits.enter("any", 0.0, -1) is None
    limits.leave("any", 0.0)
    assert limits.enter("any", 0.0, 1000) is None


def test_without_limits_there_is_no_limiter():
    """Nothing is counted where nothing is limited, neither by the profile nor for a caller."""
    limited = Limits(concurrent=1)
    assert limiter_for(PROFILE, {"erp": CallerTable()}) is None
    assert limiter_for(replace(PROFILE, limits=limited), {}) is not None
    made = limiter_for(PROFILE, {"erp": CallerTable(limits=limited)})
    assert made is not None
    assert entered(made, "erp", 0, 2) == 1


def test_other_limits_count_what_runs_already():
    """Three exchanges run; with a limit of four, one more may begin, and as they end there is room again."""
    limits = limiter(profile=Limits(concurrent=9))
    assert entered(limits, "payroll", 1, 3) == 3
    limits.limit(Limits(concurrent=4), {}, 2)
    assert entered(limits, "payroll", 2, 9) == 1
    for _ in range(4):
        limits.leave("payroll", 3)
    assert entered(limits, "payroll", 3, 9) == 4


def test_a_limit_that_falls_below_what_runs_lets_nothing_in_until_enough_has_ended():
    """Nothing that runs is ended for it."""
    limits = limiter(profile=Limits(concurrent=9))
    assert entered(limits, "payroll", 1, 5) == 5
    limits.limit(Limits(concurrent=2), {}, 2)
    for running in (5, 4, 3, 2):
        assert entered(limits, "payroll", 2, 1) == 0, running
        limits.leave("payroll", 2)
    assert entered(limits, "payroll", 2, 9) == 1


def test_a_rate_that_stays_goes_on_where_it_was():
    """Another limit beside it is no way to a full bucket."""
    limits = limiter(profile=Limits(per_second=5))
    assert entered(limits, "payroll", 1, 9) == 5
    limits.limit(Limits(per_second=5, body_bytes=3), {}, 1)
    assert entered(limits, "payroll", 1, 9) == 0
    limits.limit(Limits(per_second=6), {}, 1)
    assert entered(limits, "payroll", 1, 9) == 6


def test_what_began_without_a_limiter_is_counted_when_there_is_one():
    """Each of them leaves it at its end."""
    limits = limiter(profile=Limits(concurrent=3))
    limits.count_running("payroll", 1)
    limits.count_running("hr", 1)
    assert entered(limits, "payroll", 1, 9) == 1
    for caller in ("payroll", "hr", "payroll"):
        limits.leave(caller, 2)
    assert entered(limits, "payroll", 20, 9) == 3


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("enter"), st.sampled_from("abc")),
            st.tuples(st.just("leave"), st.sampled_from("abc")),
            st.tuples(st.just("count"), st.sampled_from("abc")),
            st.tuples(
                st.just("limit"),
                st.tuples(st.none() | st.integers(1, 6), st.none() | st.integers(1, 3), st.none() | st.just(5.0)),
            ),
        ),
        max_size=40,
    )
)
def test_whatever_limits_follow_each_other_what_runs_is_counted_right(steps):
    """Per caller and in all, also where limits come and go; and never is more let in than the limit in force."""
    limits = limiter(profile=Limits(concurrent=4), a=Limits(), b=Limits(concurrent=2))
    running: Counter[str] = Counter()
    most = 4
    for number, (step, what) in enumerate(steps):
        now = number / 10
        if step == "enter":
            if limits.enter(what, now) is None:
                running[what] += 1
                assert running.total() <= most
        elif step == "count":
            limits.count_running(what, now)
            running[what] += 1
        elif step == "leave" and running[what]:
            limits.leave(what, now)
            running[what] -= 1
        elif step == "limit":
            shared, own, rate = what
            most = shared or 1_000
            limits.limit(Limits(concurrent=shared, per_second=rate), {"b": Limits(concurrent=own)}, now)
        limits._settle_alone()
        assert limits._running == running.total()
        assert {name: use.running for name, use in limits._uses.items() if use.running} == +running
