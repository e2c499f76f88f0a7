"""What an API says about asking too much, whole or cut off."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.limits.throttle_response import BodyHint, body_hint, retry_after_seconds

WALL = 1_628_159_400.0
"""2021-08-05T10:30:00Z."""


def problem(**members) -> bytes:
    """Write a problem."""
    return json.dumps({"type": "urn:problem-type:belgif:tooManyRequests", "status": 429, **members}).encode()


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
