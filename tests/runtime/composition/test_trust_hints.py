"""What may explain to a caller that an API is not trusted."""

from __future__ import annotations

import pytest

from fla_gateway.runtime.composition.trust_hints import TrustHints


@pytest.mark.parametrize(
    ("offsets", "said"),
    [
        ({}, ""),
        ({"https://a": 30.0}, ""),
        (
            {"https://a": 1.0, "https://b": 3600.2},
            "This machine's clock is 3600 s behind the token server's: set it right.",
        ),
        ({"https://a": -90.0}, "This machine's clock is 90 s ahead of the token server's: set it right."),
    ],
)
def test_a_wrong_clock_is_named_with_its_size(offsets, said):
    """Where the clock was measured and is right, or was not measured, it is not mentioned."""
    assert TrustHints(lambda: offsets)() == said


def test_changed_files_are_mentioned_without_their_names():
    """A caller learns that something changed since the start; which file, the page says."""
    hints = TrustHints(dict)
    hints.has_changed = lambda: True
    assert "have changed since" in hints()
    assert "status page" in hints()
