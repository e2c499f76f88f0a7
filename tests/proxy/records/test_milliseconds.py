"""Durations in lines: the quick way writes what the general one does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.proxy.records.milliseconds import milliseconds
from tests.support.properties import BOUNDED

durations = st.one_of(
    st.floats(0, 1e9),
    st.integers(0, 10**7).map(lambda it: it / 20_000),  # halves of a tenth, nearly: where rounding goes either way
    st.integers(0, 10**9).map(lambda it: it / 1_000_000),
)


@BOUNDED
@given(durations)
def test_a_duration_is_written_as_the_format_would(seconds):
    """To the last digit, whatever it is."""
    assert milliseconds(seconds) == "%.1f" % (seconds * 1000)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.0, "0.0"), (0.00025, "0.2"), (0.00035, "0.3"), (0.00045, "0.5"), (0.01234, "12.3"), (0.99996, "1000.0")],
)
def test_a_duration_is_rounded_by_its_exact_value(seconds, written):
    """A tie goes to the even digit, and what only looks like one to the nearer."""
    assert milliseconds(seconds) == written == f"{seconds * 1000:.1f}"


@pytest.mark.parametrize("seconds", [1e5, 1e22, float("inf")])
def test_what_is_beyond_the_quick_way_is_written_by_the_general_one(seconds):
    """No duration is too long for a line."""
    assert milliseconds(seconds) == f"{seconds * 1000:.1f}"
