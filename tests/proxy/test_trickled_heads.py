"""Heads that come byte by byte: no byte is looked at again for each that follows."""

from __future__ import annotations

import pytest

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.request import check_partial_head


def test_what_was_checked_is_not_checked_again():
    """A caller that trickles 64 KiB would else have 2 GB looked at; only what is new can be wrong."""
    checked = b"GET / HTTP/1.1\r\nX: \0" + b"a" * 1000
    with pytest.raises(ProtocolError):
        check_partial_head(checked)
    check_partial_head(checked + b"b", len(checked))


def test_a_stray_line_end_is_seen_over_the_border():
    """The last checked byte and the first new one are judged together."""
    head = b"GET / HTTP/1.1\r"
    check_partial_head(head)
    with pytest.raises(ProtocolError, match="CRLF"):
        check_partial_head(head + b"X", len(head))
