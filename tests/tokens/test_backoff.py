from __future__ import annotations

import pytest

from fla_gateway.tokens.backoff import delay_seconds


@pytest.mark.parametrize(
    ("failures", "ceiling"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (50, 60.0), (100_000, 60.0)]
)
def test_ordinary_failures_double_up_to_a_minute(failures, ceiling):
    """The ceiling doubles with each failure, stops at a minute, and full jitter uses all that lies below it."""
    assert delay_seconds("token-unreachable", failures, None, 1.0) == ceiling
    assert delay_seconds("token-unreachable", failures, None, 0.5) == max(0.2, ceiling / 2)
    assert delay_seconds("token-unreachable", failures, None, 0.0) == 0.2


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 30.0), (2, 60.0), (4, 240.0), (5, 300.0), (1000, 300.0)])
def test_refused_credentials_are_tried_slowly(failures, ceiling):
    """A refusal of the credentials waits ten seconds at least and five minutes at most."""
    assert delay_seconds("token-refused", failures, None, 1.0) == ceiling
    assert delay_seconds("token-refused", failures, None, 0.0) == 10.0


@pytest.mark.parametrize(
    ("asked", "delay"),
    [(None, 2.5), (0, 2.5), (-7, 2.5), (1, 2.5), (3, 3.0), (120, 120.0), (300, 300.0), (301, 300.0), (10**9, 300.0)],
)
def test_retry_after_is_honoured_and_capped(asked, delay):
    """What the server asks for is the least delay, but never more than five minutes."""
    assert delay_seconds("token-throttled", 1, asked, 0.5) == delay
