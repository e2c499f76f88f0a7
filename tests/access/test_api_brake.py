from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.api_brake import (
    FAILED_REQUESTS,
    LIMIT,
    LONGEST,
    LONGEST_GUESS,
    QUIET,
    ApiBrake,
    BodyHint,
    body_hint,
    retry_after_seconds,
)

WALL = 1_628_159_400.0
"""2021-08-05T10:30:00Z."""


def throttle(brake, now, service="dimona", *, retry_after=None, failed_requests=False):
    """Report a 429."""
    brake.throttled(service, now, retry_after, failed_requests=failed_requests)


def left(brake, now, service="dimona") -> float:
    """Give the seconds that a service is braked."""
    return next((seconds for name, seconds in brake.snapshot(now) if name == service), 0.0)


def problem(**members) -> bytes:
    """Write a problem."""
    return json.dumps({"type": "urn:problem-type:belgif:tooManyRequests", "status": 429, **members}).encode()


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
    """Beyond 32 services all further ones share one brake, which those remembered by name do not feel."""
    brake = ApiBrake()
    for number in range(10_000):
        throttle(brake, 0, f"made-up-{number}", retry_after=10)
    assert len(brake.snapshot(0)) == LIMIT + 1
    assert brake.refusal("unheard-of", 1) is not None
    assert brake.refusal("unheard-of", 10) is None
    brake.answered("unheard-of")
    assert len(brake.snapshot(1)) == LIMIT


def test_forgotten_services_make_room():
    """A service that was forgotten gives its place to another."""
    brake = ApiBrake()
    for number in range(LIMIT):
        throttle(brake, 0, f"old-{number}")
    throttle(brake, 2 + QUIET, "new", retry_after=5)
    assert brake.snapshot(2 + QUIET) == (("new", 5.0),)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"30", 30),
        (b" 30 ", 30),
        (b"Thu, 05 Aug 2021 10:31:00 GMT", 60),
        (b"Thu, 05 Aug 2021 10:00:00 GMT", 0),
        (b"99999999999999999999", 300),
        (b"soon", None),
        (b"-1", None),
        (b"1.5", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value, seconds):
    """Seconds and HTTP dates are understood, anything else is as good as none."""
    assert retry_after_seconds(value, WALL) == seconds


@pytest.mark.parametrize(
    ("payload", "hint"),
    [
        (problem(), BodyHint(failed_requests=False, retry_after=None)),
        (problem(retryAfterSec=60, limit=200), BodyHint(failed_requests=False, retry_after=60)),
        (problem(retryAfterSec="60"), BodyHint(failed_requests=False, retry_after=60)),
        (problem(retryAfterSec=10**400), BodyHint(failed_requests=False, retry_after=None)),
        (problem(retryAfterSec=-1), BodyHint(failed_requests=False, retry_after=0)),
        (problem(retryAfterSec=True), BodyHint(failed_requests=False, retry_after=None)),
        (problem(retryAfter=7), BodyHint(failed_requests=False, retry_after=7)),
        (problem(retryAfter="2021-08-05T10:30:45Z"), BodyHint(failed_requests=False, retry_after=45)),
        (problem(retryAfter="2021-08-05T12:31:00+02:00"), BodyHint(failed_requests=False, retry_after=60)),
        (problem(retryAfter="tomorrow"), BodyHint(failed_requests=False, retry_after=None)),
        (
            problem(type="urn:problem-type:belgif:tooManyFailedRequests", retryAfterSec=300),
            BodyHint(failed_requests=True, retry_after=300),
        ),
    ],
)
def test_a_problem_about_asking_too_much_is_understood(payload, hint):
    """Both Belgif problems are known, with seconds and with a point in time."""
    assert body_hint(payload, WALL) == hint


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<html>429</html>",
        b"[1, 2]",
        b'"urn:problem-type:belgif:tooManyRequests"',
        problem(type="urn:problem-type:belgif:badRequest", retryAfterSec=5),
        problem(type="about:blank"),
        problem(type=["urn:problem-type:belgif:tooManyRequests"]),
        problem(type="about:blank", issues=[{"type": "urn:problem-type:belgif:tooManyRequests"}]),
        b"[" * 4000,
    ],
)
def test_other_bodies_say_nothing(payload):
    """What is not such a problem gives no hint, however it is made."""
    assert body_hint(payload, WALL) is None


def test_a_body_that_was_cut_off_is_understood():
    """Of a body that has not arrived completely, or is too long, the members that are there count."""
    whole = problem(type="urn:problem-type:belgif:tooManyFailedRequests", retryAfterSec=300, detail="x" * 10_000)
    assert body_hint(whole) == BodyHint(failed_requests=True, retry_after=300)
    cut = whole[: whole.index(b"300") + 2]
    assert body_hint(cut) == BodyHint(failed_requests=True, retry_after=None)
    timed = problem(retryAfter="2021-08-05T10:30:45Z", detail="x")[:-3]
    assert body_hint(timed, WALL) == BodyHint(failed_requests=False, retry_after=45)


def test_quoted_members_are_no_members():
    """A problem that is quoted inside a text of another one, cut off or not, is not taken for one."""
    quoting = problem(type="about:blank", detail=problem(retryAfterSec=300).decode())
    assert body_hint(quoting) is None
    assert body_hint(quoting[:-2]) is None


@given(st.binary(max_size=200), st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e10))
def test_no_bytes_raise(payload, wall):
    """Whatever an API sends, reading it does not fail."""
    for body in (payload, problem()[:-1] + b',"retryAfter":' + payload, problem(retryAfter=payload.decode("latin-1"))):
        body_hint(body, wall)
    retry_after_seconds(payload, wall)
