"""When the ends of certificates and keys are reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from fla_gateway.observe.expiries import DAYS_BEFORE, Expiry, ExpiryReports, soon, step

ENDS = datetime(2026, 12, 31, 12, tzinfo=UTC)
CERTIFICATE = Expiry("certificate", "acme", ENDS, ("employer",))


def reported(moments, *ends):
    """Look at ends at several moments before the end, in days; give the events."""
    reports = ExpiryReports()
    with capture_logs() as events:
        for days in moments:
            reports.report(ends or (CERTIFICATE,), ENDS - timedelta(days=days))
    return events


@pytest.mark.parametrize(
    ("days", "due"),
    [
        (61, None), (60.01, None), (60, 60), (30.01, 60), (30, 30), (14, 14), (7, 7), (3, 3), (2, 2), (1.5, 2), (1, 1),
        (0.01, 1), (0, 0), (-0.5, 0), (-1, 0), (-1.5, -1), (-30.5, -30),
    ],
)  # fmt: skip
def test_steps(days, due):
    """From sixty days before on there are seven steps, and one for each day after the end."""
    assert step(CERTIFICATE, ENDS - timedelta(days=days)) == due


def test_each_step_is_one_event_however_often_it_is_looked_at():
    """In three months of looking once an hour, the log has seven warnings, and an error on each day after the end."""
    hours = [days - hour / 24 for days in range(90, -3, -1) for hour in range(24)]
    events = reported(hours)
    assert [event["event"] for event in events] == ["expires-soon"] * len(DAYS_BEFORE) + ["expired"] * 3
    assert events[0] == {
        "event": "expires-soon", "log_level": "warning", "kind": "certificate", "name": "acme",
        "ends": "2026-12-31T12:00:00Z", "days_left": 60, "profiles": ["employer"],
        "cure": "make the next one now: fla-gateway cert renew PROFILE says what to do, step by step",
    }  # fmt: skip
    assert events[-1]["log_level"] == "error"


def test_a_start_reports_what_is_near_or_past():
    """Every start says so at once, wherever it is between two steps; long before there is nothing to say."""
    assert [event["event"] for event in reported([20])] == ["expires-soon"]
    assert [event["event"] for event in reported([-400])] == ["expired"]
    assert reported([61]) == []


def test_a_clock_that_is_set_back_reports_nothing_twice():
    """Only what comes nearer is an event."""
    assert len(reported([7, 7.9, 7])) == 1


def test_a_renewed_certificate_is_another_end():
    """Once the next one is in force the old one is forgotten, and one that ends soon as well is reported anew."""
    reports, now = ExpiryReports(), ENDS - timedelta(days=5)
    with capture_logs() as events:
        reports.report([CERTIFICATE], now)
        reports.report([CERTIFICATE._replace(ends=ENDS + timedelta(days=400))], now)
        reports.report([CERTIFICATE], now)
    assert len(events) == 2


def test_the_first_to_end_comes_first():
    """Page and /status begin with what is most urgent."""
    later = CERTIFICATE._replace(name="later", ends=ENDS + timedelta(days=3))
    far = CERTIFICATE._replace(ends=ENDS + timedelta(days=300))
    assert soon([far, later, CERTIFICATE], ENDS - timedelta(days=9)) == (CERTIFICATE, later)


def test_a_clock_that_was_years_ahead_silences_nothing():
    """What it reported of an end is reported when it is so; an hour ahead, nothing is reported twice."""
    events = reported([20, -1000, 20, 13.9, 6.9])
    assert [it["days_left"] for it in events] == [20, -1000, 13, 6]
    assert [it["days_left"] for it in reported([14.02, 13.99, 14.02, 13.99])] == [14, 13]
