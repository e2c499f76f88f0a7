"""What the log says of calls in doubt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.observe.doubt_events import EVENTS_A_MINUTE, DoubtEvents, report_earlier
from fla_gateway.proxy.records.exchange_record import Notes
from tests.observe.records import a_record

_POSTED: Final[dict[str, Any]] = {
    "method": b"POST",
    "path": b"/REST/dimona/v2/declarations/90010112345",
    "admission": Admission("payroll", "key:1a2b3c4d"),
    "notes": Notes("client 4711"),
}
POSTED = a_record(**_POSTED)


def test_a_doubt_is_an_event_when_it_happens():
    """The log says at once which call it is, by all that helps to look it up."""
    with capture_logs() as events:
        DoubtEvents(bytes(32)).report(POSTED, "no-answer")
    (event,) = events
    assert event.pop("path").startswith("/REST/dimona/v2/declarations/~")
    assert event == {
        "event": "call-in-doubt", "log_level": "warning", "request_id": POSTED.request_id, "profile": "employer",
        "caller": "payroll", "method": "POST", "reason": "no-answer", "reference": "client 4711", "unlogged": 0,
    }  # fmt: skip


def test_an_outage_does_not_fill_the_log_with_doubts():
    """Beyond so many a minute they are counted, and the number is in the next event."""
    doubts = DoubtEvents(bytes(32))
    with capture_logs() as events:
        for second in range(120):
            for _ in range(2):
                doubts.report(a_record(**_POSTED, ended=1200.0 + second), "no-answer")
    assert [event["unlogged"] for event in events] == [0] * EVENTS_A_MINUTE + [60] + [0] * (EVENTS_A_MINUTE - 1)


@pytest.mark.parametrize("count", [0, 2])
def test_the_start_says_how_many_are_open(count):
    """What earlier runs left is one event with the number; without any, it says so and is no warning."""
    with capture_logs() as events:
        report_earlier(count, datetime(2026, 11, 23, 8, 1, tzinfo=UTC) if count else None)
    (event,) = events
    assert (event["event"], event["count"], event["log_level"]) == (
        "calls-in-doubt", count, "warning" if count else "info",
    )  # fmt: skip
    assert event.get("since") == ("2026-11-23T08:01:00Z" if count else None)
