"""Calls of which it is not known whether they changed anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.admin.status.call_status import Doubt
from fla_gateway.admin.status.in_doubt_calls import MOST, DoubtfulCalls
from fla_gateway.proxy.records.exchange_record import ExchangeRecord, Notes
from tests.admin import samples

_POSTED: Final[dict[str, Any]] = {
    "request_id": "5b3c2a10-0000-4000-8000-000000000000",
    "profile": "employer",
    "method": b"POST",
    "path": b"/REST/dimona/v2/declarations/90010112345",
    "status": 502,
    "origin": "network",
    "code": "api-closed",
    "outcome": "unknown",
    "received": 10,
    "sent": 20,
    "seconds": 1.0,
    "attempts": 1,
    "admission": Admission("payroll", "key:1a2b3c4d"),
    "notes": Notes("client 4711"),
    "ended": 990.0,
}


def posted(**changes: Any) -> ExchangeRecord:
    """Make the record of a declaration whose connection ended before the answer, but for some members."""
    return ExchangeRecord(**{**_POSTED, **changes})


POSTED = posted()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "no-answer"),
        ({"method": b"PUT"}, "no-answer"),
        ({"method": b"GET"}, ""),
        ({"method": b"OPTIONS"}, ""),
        ({"outcome": "caller-gone", "status": 0}, "caller-gone"),
        ({"outcome": "caller-gone", "status": 0, "attempts": 0}, ""),
        ({"outcome": "caller-gone", "status": 201, "origin": "upstream"}, ""),
        ({"outcome": "answered", "status": 503, "origin": "upstream", "code": ""}, "server-error"),
        ({"outcome": "answered", "status": 400, "origin": "upstream", "code": ""}, ""),
        ({"outcome": "not-sent", "status": 503, "origin": "token-server"}, ""),
    ],
)
def test_what_is_in_doubt(changes, expected):
    """A changing request that may have reached the API without a clear answer; nothing that was read or not sent."""
    doubts = DoubtfulCalls(bytes(32), since=0.0)
    doubts.exchange(posted(**changes))
    assert [call.reason for call in doubts.read(now=1000.0, wall=1000.0).calls] == ([expected] if expected else [])


def test_a_doubt_is_told_with_what_helps_to_look_it_up():
    """Time, caller, profile, reference and request id as they were; the path masked."""
    doubts = DoubtfulCalls(bytes(32), since=500_000.0)
    doubts.exchange(POSTED)
    found = doubts.read(now=1000.0, wall=1_000_000.0)
    (call,) = found.calls
    assert found.number == 1
    assert found.since == datetime.fromtimestamp(500_000, UTC)
    assert call.time == datetime.fromtimestamp(999_990, UTC)
    assert (call.caller, call.profile, call.reference, call.reason) == (
        "payroll",
        "employer",
        "client 4711",
        "no-answer",
    )
    assert call.id == POSTED.request_id
    assert "90010112345" not in call.path


def test_the_latest_are_kept_and_all_are_counted():
    """Memory is bounded; what earlier runs left comes after what this one saw."""
    doubts = DoubtfulCalls(bytes(32), since=0)
    earlier = samples.failing().doubts.calls
    doubts.remember(earlier)
    assert doubts.read(0, 0).calls == earlier
    for number in range(MOST + 5):
        doubts.exchange(posted(request_id=str(number)))
    found = doubts.read(1000, 1000)
    assert found.number == MOST + 5 + len(earlier)
    assert [call.id for call in found.calls] == [str(number) for number in range(MOST + 4, 4, -1)]


def test_each_doubt_is_passed_on_when_it_happens():
    """What is in doubt is reported at once, and nothing else is."""
    found = []
    doubts = DoubtfulCalls(bytes(32), since=0.0, on_doubt=lambda record, why: found.append((record, why)))
    doubts.exchange(posted(method=b"GET"))
    doubts.exchange(POSTED)
    assert found == [(POSTED, "no-answer")]


def test_what_is_settled_counts_no_more():
    """Of this run and of earlier ones, also beyond those that are listed; a call that is settled twice counts once."""
    calls = DoubtfulCalls(b"k" * 32, 0.0)
    for number in range(MOST + 10):
        calls.exchange(posted(request_id=f"id-{number}", outcome="unknown"))
    calls.settle(["id-0", f"id-{MOST + 9}", "other", "id-0"])
    assert (calls.number, len(calls.read(0, 0).calls)) == (MOST + 8, MOST - 1)


def test_what_is_settled_while_the_journal_is_read_does_not_come_back():
    """The journal was read before the record was written."""
    calls = DoubtfulCalls(b"k" * 32, 0.0)
    calls.settle(["early"])
    moment = datetime(2026, 11, 2, tzinfo=UTC)
    earlier = [Doubt(moment, it, "", "employer", "POST", "/", "no-outcome") for it in ("early", "late")]
    calls.remember(earlier, 2, moment)
    found = calls.read(0, 0)
    assert ([it.id for it in found.calls], found.number, found.looked_back) == (["late"], 1, moment)
