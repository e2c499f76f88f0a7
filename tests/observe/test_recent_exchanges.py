"""The memory of the status page."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from fla_gateway.access.authentication.caller import UNAUTHENTICATED, Admission
from fla_gateway.access.path_masking import mask_path
from fla_gateway.observe.recent_exchanges import MINUTES, MOST_EXCHANGES, RecentExchanges
from fla_gateway.proxy.records.exchange_record import Notes
from tests.observe.records import a_record

NOW = 6000.0  # the beginning of minute 100 of the monotonic clock
WALL = 1_782_907_200.0
PAYROLL = Admission("payroll", "key:12345678", "GET /REST/**")
UNKNOWN = {"status": 404, "origin": "gateway", "code": "unknown-profile", "outcome": "refused", "attempts": 0}


def remembered(*records):
    """Give what is remembered of some exchanges."""
    recent = RecentExchanges(bytes(32))
    for record in records:
        recent.exchange(record)
    return recent.read(NOW, WALL)


def test_exchange_is_seen_masked_and_in_wall_time():
    """An exchange is shown with all that a person asks for, its path masked, its end by the wall clock."""
    record = a_record(
        path=b"/REST/dimona/v2/declarations/85073003328?x=1", ended=NOW - 30, admission=PAYROLL,
        notes=Notes(trace="of-the-caller"), trace="of-the-api", token_seconds=0.001, connection_seconds=0.002,
        upstream_seconds=0.009,
    )  # fmt: skip
    (seen,) = remembered(record).exchanges
    assert seen.path.startswith("/REST/dimona/v2/declarations/~")
    shown = asdict(seen)
    del shown["path"]
    assert shown == {
        "time": WALL - 30,
        "request_id": record.request_id,
        "caller": "payroll",
        "profile": "employer",
        "method": "GET",
        "status": 200,
        "origin": "upstream",
        "code": "",
        "outcome": "answered",
        "seconds": 0.0123,
        "attempts": 1,
        "missing_scope": False,
        "trace_caller": "of-the-caller",
        "trace_received": "of-the-api",
        "token_seconds": 0.001,
        "connection_seconds": 0.002,
        "upstream_seconds": 0.009,
    }


@pytest.mark.parametrize("profile", ["employer", ""])
def test_long_requests_are_kept_short(profile):
    """What would keep a long path or method alive is masked at once, and shown as if it had been masked later."""
    path = b"/REST/dimona/85073003328/" + b"x" * 60_000
    record = a_record(profile=profile, path=path, method=b"M" * 60_000, admission=PAYROLL)
    recent = RecentExchanges(bytes(32))
    recent.exchange(record)
    assert all(len(kept.path) + len(kept.method) < 200 for kept in recent._last)
    (seen,) = recent.read(NOW, WALL).exchanges
    assert (seen.path, seen.method) == (mask_path(path, bytes(32)), "OTHER")
    assert record.path == path


def test_last_ones_are_kept_newest_first():
    """The memory holds the last fifty exchanges."""
    records = [a_record(request_id=str(number)) for number in range(MOST_EXCHANGES + 10)]
    ids = [seen.request_id for seen in remembered(*records).exchanges]
    assert ids == [str(number) for number in range(MOST_EXCHANGES + 9, 9, -1)]


def test_strangers_cannot_push_others_out():
    """Requests that reached no profile are remembered if a known caller began them, and else not."""
    stranger = a_record(profile="", admission=UNAUTHENTICATED, **UNKNOWN)
    lost = a_record(profile="", admission=PAYROLL, **UNKNOWN)
    recent = remembered(a_record(), *[stranger] * 100, lost)
    assert [seen.code for seen in recent.exchanges] == ["unknown-profile", ""]
    assert [one.profile for one in recent.profiles] == ["employer"]


def test_traffic_has_sixty_minutes():
    """The last hour is shown minute by minute, those without traffic too, and nothing older."""
    moments = [NOW - 3700, NOW - 59 * 60, NOW - 59 * 60 + 59, NOW - 60, NOW + 1]
    recent = RecentExchanges(bytes(32))
    for moment in moments:
        recent.exchange(a_record(ended=moment))
    (profile,) = recent.read(NOW + 2, WALL + 2).profiles
    assert len(profile.minutes) == MINUTES
    assert [minute.time for minute in profile.minutes] == [WALL - 59 * 60 + 60 * index for index in range(MINUTES)]
    assert [minute.answered for minute in profile.minutes] == [2, *[0] * 57, 1, 1]


@pytest.mark.parametrize(
    ("changes", "counts", "last"),
    [
        ({}, (1, 0, 0), "success"),
        ({"status": 404}, (1, 0, 0), "success"),
        ({"status": 401}, (1, 0, 0), "failure"),
        ({"status": 403}, (1, 0, 0), "success"),
        ({"status": 403, "missing_scope": True}, (1, 0, 0), "failure"),
        ({"status": 429}, (1, 0, 0), "failure"),
        ({"status": 500}, (0, 0, 1), "failure"),
        ({"status": 403, "origin": "gateway", "code": "caller-not-permitted", "outcome": "refused"}, (0, 1, 0), None),
        ({"status": 503, "origin": "gateway", "code": "overloaded", "outcome": "refused"}, (0, 0, 1), "failure"),
        ({"status": 504, "origin": "network", "code": "api-timeout", "outcome": "unknown"}, (0, 0, 1), "failure"),
        ({"status": 200, "outcome": "truncated"}, (0, 0, 1), "failure"),
        ({"status": 0, "outcome": "caller-gone"}, (0, 0, 1), "failure"),
    ],
)
def test_success_and_failure(changes, counts, last):
    """Answers, refusals and failures are told apart; a token or right that is missing is a failure, too."""
    (profile,) = remembered(a_record(ended=NOW - 1, **changes)).profiles
    minute = profile.minutes[-2]
    assert (minute.answered, minute.refused, minute.failed) == counts
    assert (profile.last_success is not None, profile.last_failure is not None) == (
        last == "success",
        last == "failure",
    )


def test_an_answer_of_the_gateways_own_is_no_success_of_the_api():
    """An OPTIONS with Max-Forwards 0 is answered here; it is among the last exchanges, and counts for nothing."""
    recent = remembered(a_record(method=b"OPTIONS", origin="gateway", attempts=0))
    assert len(recent.exchanges) == 1
    (profile,) = recent.profiles
    assert (profile.last_success, profile.last_failure) == (None, None)
    assert {(minute.answered, minute.refused, minute.failed) for minute in profile.minutes} == {(0, 0, 0)}


def test_last_success_outlives_the_last_exchanges():
    """A success is remembered however many failures follow it."""
    failures = [a_record(status=502, origin="network", code="api-unreachable", outcome="not-sent")] * 100
    (profile,) = remembered(a_record(request_id="good"), *failures).profiles
    assert profile.last_success.request_id == "good"
    assert profile.last_failure.code == "api-unreachable"


def test_what_is_remembered_is_json():
    """The value can be written as JSON as it is."""
    assert json.loads(json.dumps(asdict(remembered(a_record()))))["exchanges"][0]["status"] == 200
