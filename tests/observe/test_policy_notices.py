"""What a policy would refuse."""

from __future__ import annotations

import json

from structlog.testing import capture_logs

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.observe.policy_notices import MOST_NOTICES, QUIET_SECONDS, PolicyNotices
from tests.observe.records import a_record

OBSERVED = Admission("payroll", "key:12345678", observed=True)
PATH = b"/REST/dimona/v2/declarations/85073003328"


def observed(**changes):
    """Make the record of an exchange that the policy only observed."""
    return a_record(**{"admission": OBSERVED, "path": PATH, "ended": 1000.0, **changes})


def test_observed_exchange_is_told_as_the_entry_that_would_permit_it():
    """The notice names caller, profile, method and path, a number in it as the asterisk of a pattern."""
    with capture_logs() as events:
        PolicyNotices(bytes(32)).exchange(observed())
    assert events == [
        {
            "event": "policy-would-refuse",
            "log_level": "warning",
            "caller": "payroll",
            "profile": "employer",
            "method": "GET",
            "path": "/REST/dimona/v2/declarations/*",
            "request_id": "0b0e2a3c-7d5c-4a0e-9b1d-3f9a7c1d2e4f",
        }
    ]
    assert "85073003328" not in json.dumps(events)


def test_permitted_exchange_is_no_news():
    """An exchange that an entry permits is not told."""
    with capture_logs() as events:
        PolicyNotices(bytes(32)).exchange(observed(admission=OBSERVED._replace(observed=False)))
    assert events == []


def test_same_thing_is_told_once_an_hour():
    """A thousand declarations are one notice within an hour; another method, caller or profile is another."""
    notices = PolicyNotices(bytes(32))
    with capture_logs() as events:
        for number in range(1000):
            notices.exchange(observed(path=b"/REST/dimona/v2/declarations/%d" % number))
        notices.exchange(observed(method=b"POST"))
        notices.exchange(observed(admission=OBSERVED._replace(caller="planning")))
        notices.exchange(observed(profile="other"))
        notices.exchange(observed(ended=1000.0 + QUIET_SECONDS - 1))
        notices.exchange(observed(ended=1000.0 + QUIET_SECONDS))
    assert len(events) == 5


def test_memory_is_bounded():
    """Paths that a caller makes up fill neither the memory nor the log; old ones make room."""
    notices = PolicyNotices(bytes(32))

    def letters(number):
        return bytes(97 + int(digit) for digit in str(number))

    with capture_logs() as events:
        for number in range(3 * MOST_NOTICES):
            notices.exchange(observed(path=b"/REST/" + letters(number)))
        assert len(events) == len(notices._reported_at) == MOST_NOTICES
        notices.exchange(observed(path=b"/REST/later", ended=1000.0 + QUIET_SECONDS))
    assert events[-1]["path"] == "/REST/later"
    assert len(notices._reported_at) == 1
