from __future__ import annotations

import pytest

from fla_gateway.access.limits.api_brake import FAILED_REQUESTS, LIMIT, LONGEST_GUESS, MOST_SHARING, QUIET, ApiBrake
from fla_gateway.access.limits.throttle_response import LONGEST


def throttle(brake, now, service="dimona", *, retry_after=None, failed_requests=False):
    """Report a 429."""
    brake.throttled(service, now, retry_after, failed_requests=failed_requests)


def left(brake, now, service="dimona") -> float:
    """Give the seconds that a service is braked."""
    return next((seconds for name, seconds in brake.held(now) if name == service), 0.0)


def test_without_a_brake_nothing_holds():
    """An API that never asked for patience costs one look at an attribute, and no request is refused."""
    brake = ApiBrake()
    assert not brake.holds
    assert brake.refusal("dimona", 0) is None
    brake.answered("dimona")
    assert not brake.holds


def test_calls_are_refused_with_the_time_that_is_left():
    """While the brake holds, a call is answered at once, with the remaining seconds and at least one."""
    brake = ApiBrake()
    throttle(brake, 100, retry_after=30)
    assert brake.holds
    refusals = [brake.refusal("dimona", now) for now in (100, 110.5, 129.9)]
    assert [(it.code, it.retry_after) for it in refusals if it] == [
        ("api-throttled", 30),
        ("api-throttled", 20),
        ("api-throttled", 1),
    ]
    assert brake.refusal("dimona", 130) is None


def test_other_services_go_on():
    """A service that asks for patience asks for itself alone."""
    brake = ApiBrake()
    throttle(brake, 0, retry_after=30)
    assert brake.refusal("ebox", 1) is None


def test_without_a_hint_the_brake_doubles_to_a_minute():
    """Each 429 after a brake has ended doubles the next one, from one second to sixty."""
    brake, now, lengths = ApiBrake(), 0.0, []
    for _ in range(9):
        assert brake.refusal("dimona", now) is None
        throttle(brake, now)
        lengths.append(left(brake, now))
        now += lengths[-1]
    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60, LONGEST_GUESS]


def test_a_good_answer_ends_the_doubling():
    """Once a call that was let through is answered, the next brake is short again, and nothing is remembered."""
    brake = ApiBrake()
    for now in (0, 1, 3):
        throttle(brake, now)
    assert brake.refusal("dimona", 7) is None
    brake.answered("dimona")
    assert not brake.holds
    throttle(brake, 8)
    assert left(brake, 8) == 1


def test_an_answer_from_before_the_brake_says_nothing():
    """A good answer to a call that was on its way when the brake began neither ends it nor its doubling."""
    brake = ApiBrake()
    throttle(brake, 0)
    brake.answered("dimona")
    assert brake.refusal("dimona", 0.5) is not None
    throttle(brake, 1)
    assert left(brake, 1) == 2


def test_refusals_of_calls_on_their_way_double_once():
    """However many calls were on their way when the API said stop, they count as one; time runs from the last."""
    brake = ApiBrake()
    for now in (0, 0.25, 0.5, 0.75):
        throttle(brake, now)
    assert left(brake, 0.75) == 1
    throttle(brake, 2)
    assert left(brake, 2) == 2


def test_the_word_of_the_api_counts():
    """A Retry-After is followed exactly, up to five minutes; nothing and the past are no word."""
    for said, seconds in ((7.0, 7), (299.0, 299), (86_400.0, LONGEST), (0.0, 1), (-5.0, 1)):
        brake = ApiBrake()
        throttle(brake, 0, retry_after=said)
        assert left(brake, 0) == seconds


def test_a_longer_word_extends_and_a_shorter_one_does_not_cut():
    """Of several words about the same brake the longest counts."""
    brake = ApiBrake()
    for said in (10.0, 40.0, 5.0):
        throttle(brake, 0, retry_after=said)
    assert left(brake, 0) == 40


def test_failed_requests_brake_for_a_minute():
    """The quota on failed requests brakes for a minute at least where the API does not say how long."""
    brake = ApiBrake()
    throttle(brake, 0)
    throttle(brake, 0, failed_requests=True)
    assert left(brake, 0) == FAILED_REQUESTS
    told = ApiBrake()
    throttle(told, 0, retry_after=120, failed_requests=True)
    assert left(told, 0) == 120


def test_quiet_time_forgives():
    """Five minutes after its end a brake is forgotten with its doubling, even if nobody calls that service again."""
    brake = ApiBrake()
    throttle(brake, 0)
    throttle(brake, 1)
    throttle(brake, 3 + QUIET)
    assert left(brake, 3 + QUIET) == 1
    assert brake.refusal("ebox", 4 + 2 * QUIET) is None
    assert not brake.holds


def test_memory_is_bounded():
    """Beyond 32 services further ones share one brake, up to a number; those remembered by name do not feel it."""
    brake = ApiBrake()
    for number in range(10_000):
        throttle(brake, 0, f"made-up-{number}", retry_after=10)
    last = LIMIT + MOST_SHARING - 1
    assert len(brake.held(0)) == LIMIT + 1
    assert brake.refusal(f"made-up-{last}", 1) is not None
    assert brake.refusal(f"made-up-{last + 1}", 1) is None
    assert brake.refusal(f"made-up-{last}", 10) is None
    brake.answered(f"made-up-{last}")
    assert len(brake.held(1)) == LIMIT
    throttle(brake, 2, f"made-up-{last + 1}", retry_after=10)
    assert brake.refusal(f"made-up-{last + 1}", 3) is not None
    assert brake.refusal(f"made-up-{last}", 3) is None


@pytest.mark.parametrize("others", [1, LIMIT, LIMIT + 1, LIMIT + 100, LIMIT + MOST_SHARING + 100])
def test_a_service_that_never_complained_is_never_braked(others):
    """However many services have asked for patience: one that has not is asked, and its answers end no brake."""
    brake = ApiBrake()
    for number in range(others):
        throttle(brake, 0, f"made-up-{number}", retry_after=10)
    held = brake.held(1)
    for service in ("dimona", "(other)1", ""):
        assert brake.refusal(service, 1) is None
        brake.answered(service)
    assert brake.held(1) == held


def test_services_without_a_name_are_braked_each_and_shown_as_one():
    """What does not look like an API's name is told apart by a number, which is never shown."""
    brake = ApiBrake()
    throttle(brake, 0, "(other)1", retry_after=10)
    throttle(brake, 0, "(other)2", retry_after=20)
    throttle(brake, 0, "ebox", retry_after=5)
    assert brake.refusal("(other)3", 1) is None
    assert brake.refusal("(other)1", 11) is None
    assert brake.refusal("(other)2", 11) is not None
    assert brake.held(1) == (("(other)", 19.0), ("ebox", 4.0))


def test_forgotten_services_make_room():
    """A service that was forgotten gives its place to another."""
    brake = ApiBrake()
    for number in range(LIMIT):
        throttle(brake, 0, f"old-{number}")
    throttle(brake, 2 + QUIET, "new", retry_after=5)
    assert brake.held(2 + QUIET) == (("new", 5.0),)
