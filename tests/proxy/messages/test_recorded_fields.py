"""What the records need of an answer."""

from __future__ import annotations

import pytest

from fla_gateway.proxy.messages.recorded_fields import made_by


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("/REST/dimona/v2/declarations/98765", b"98765"),
        ("https://api.example/REST/dimona/v2/declarations/98765?x=/1#/2", b"98765"),
        ("https://api.example/declarations/98765/", b"98765"),
        ("98765", b"98765"),
        ("/a%2Fb", b"a%2Fb"),
        ("https://api.example", b""),
        ("https://api.example/", b""),
        ("/", b""),
        ("", b""),
    ],
)
def test_what_was_made_is_the_last_segment_of_location(value, made):
    """Query, fragment, a slash at the end and the host are no part of it."""
    assert made_by(value.encode()) == made
