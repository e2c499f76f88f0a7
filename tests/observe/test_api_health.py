"""Which APIs fail, and what the log says of it."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from fla_gateway.observe.api_health import MOST_SERVICES, QUIET_SECONDS, ApiHealth
from tests.observe.records import a_record

DOWN = {"status": 502, "origin": "network", "code": "api-unreachable", "outcome": "not-sent", "attempts": 0}


def observed(*records):
    """Observe exchanges; give the memory and the events."""
    health = ApiHealth()
    with capture_logs() as events:
        for record in records:
            health.exchange(record)
    return health, events


def test_a_change_of_state_is_one_event_each_way():
    """However many calls fail, the log has one line when it begins, and one with length and number when it ends."""
    failures = [a_record(ended=100.0 + second, **DOWN) for second in range(10)]
    health, events = observed(*failures, a_record(ended=130.0), a_record(ended=131.0))
    assert events == [
        {"event": "api-failing", "log_level": "warning", "profile": "employer", "service": "dimona",
         "reason": "api-unreachable", "request_id": failures[0].request_id, "unlogged": 0},
        {"event": "api-recovered", "log_level": "info", "profile": "employer", "service": "dimona", "seconds": 30.0,
         "failures": 10},
    ]  # fmt: skip
    assert health.failing(131.0, 131.0) == ()


def test_apis_and_profiles_are_told_apart():
    """One API of one profile fails; what other profiles and services answer does not end that."""
    health, events = observed(
        a_record(ended=1.0, **DOWN),
        a_record(ended=2.0, path=b"/REST/checkInOut/v1/x"),
        a_record(ended=3.0, profile="other"),
    )
    assert [event["event"] for event in events] == ["api-failing"]
    (failing,) = health.failing(10.0, 1010.0)
    assert (failing.profile, failing.service, failing.since, failing.failures) == ("employer", "dimona", 1001.0, 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": 500}, "500"),
        ({"status": 401}, "401"),
        ({"status": 429}, "429"),
        ({"status": 403, "missing_scope": True}, "missing-scope"),
        ({"status": 504, "origin": "network", "code": "api-timeout", "outcome": "unknown"}, "api-timeout"),
        ({"outcome": "truncated", "code": "api-closed"}, "api-closed"),
        ({"status": 403}, None),
        ({"status": 404}, None),
        ({"status": 400}, None),
        ({"outcome": "truncated", "code": "stopping"}, None),
        ({"status": 0, "outcome": "caller-gone", "origin": "gateway"}, None),
        ({"status": 503, "origin": "token-server", "code": "token-refused", "outcome": "not-sent"}, None),
        ({"status": 503, "origin": "gateway", "code": "overloaded", "outcome": "refused", "attempts": 0}, None),
    ],
)
def test_what_counts_as_a_failure_of_the_api(changes, reason):
    """Network, 5xx, and answers about the account as a whole do; a no to one call and the gateway's own do not."""
    health, events = observed(a_record(**changes))
    assert [one.reason for one in health.failing(0, 0)] == ([] if reason is None else [reason])
    assert [event["reason"] for event in events] == ([] if reason is None else [reason])


def test_a_refusal_of_one_call_shows_that_the_api_answers_again():
    """After an outage, a 404 or a 403 about one employer is as good a sign as a 200."""
    _, events = observed(a_record(ended=1.0, **DOWN), a_record(ended=2.0, status=403))
    assert [event["event"] for event in events] == ["api-failing", "api-recovered"]


def test_an_api_that_flaps_is_reported_once_a_minute():
    """Failures that follow a recovery at once are counted, and said with the next report."""
    turns = [
        record
        for second in range(20)
        for record in (a_record(ended=float(second), **DOWN), a_record(ended=second + 0.5))
    ]
    _, events = observed(*turns, a_record(ended=QUIET_SECONDS + 1, **DOWN))
    assert [(event["event"], event.get("unlogged")) for event in events] == [
        ("api-failing", 0),
        ("api-recovered", None),
        ("api-failing", 19),
    ]


def test_callers_cannot_fill_the_memory_with_names():
    """Services are named by paths; those beyond what is told apart are one."""
    names = [b"/REST/%c%c/x" % (65 + number // 26, 97 + number % 26) for number in range(26 * 26)]
    health, _ = observed(*(a_record(path=path, ended=1.0, status=500) for path in names))
    failing = health.failing(1.0, 1.0)
    assert len(failing) == MOST_SERVICES + 1
    assert failing[-1].service == "(other)"


def test_a_missing_scope_is_reported_with_the_box_to_tick():
    """No other reason has a cure in its event: docs/errors.md has one for each code."""
    _, without = observed(a_record(status=403, missing_scope=True))
    _, failing = observed(a_record(status=500))
    assert ['"Dimona-aangiftes verrichten"' in it.get("cure", "") for it in (*without, *failing)] == [True, False]
