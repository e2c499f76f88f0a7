"""Which phase of an exchange has lasted too long, and whose fault that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fla_gateway.config.gateway_tables import Timeouts
from fla_gateway.proxy.exchange.timeouts import CALLER_IS_STUCK, Phase, overdue

TIMEOUTS = Timeouts(first_byte=10, write_stall=20, exchange=100)
WAITING = Phase(
    seconds=30, still=5, sent_upstream=True, answered=False, body_open=False, caller_blocked=False,
    upstream_blocked=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"still": 10}, None),
        ({"still": 10.1}, "api-timeout"),
        ({"body_open": True, "still": 15}, None),
        ({"body_open": True, "still": 20.1}, "request-timeout"),
        ({"body_open": True, "still": 20.1, "upstream_blocked": True}, "api-timeout"),
        ({"answered": True, "still": 15}, None),
        ({"answered": True, "still": 20.1}, "api-timeout"),
        ({"answered": True, "still": 20.1, "body_open": True}, "api-timeout"),
        ({"sent_upstream": False, "still": 90}, None),
        ({"sent_upstream": False, "seconds": 101}, "overloaded"),
        ({"seconds": 100}, None),
        ({"seconds": 101, "still": 0}, "api-timeout"),
        ({"seconds": 101, "still": 0, "answered": True}, "api-timeout"),
    ],
)
def test_each_phase_has_its_own_deadline(changes, code):
    """First byte, stall of either side and the whole exchange, each with the code of whoever is to blame."""
    verdict = overdue(replace(WAITING, **changes), TIMEOUTS)
    assert (verdict and verdict.code) == code


def test_a_caller_that_takes_nothing_is_dropped_without_a_word():
    """There is nobody to answer to."""
    stuck = replace(WAITING, answered=True, caller_blocked=True, still=21)
    assert overdue(stuck, TIMEOUTS) is CALLER_IS_STUCK
    assert overdue(replace(stuck, still=20), TIMEOUTS) is None


def test_a_detail_names_the_limit():
    """Who reads the answer learns which setting was reached."""
    late = overdue(replace(WAITING, still=11), TIMEOUTS)
    assert late is not None
    assert "within 10 s" in late.detail
