"""An HTTP date means what the library for mail takes it for."""

from __future__ import annotations

from email.utils import formatdate, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.http1.dates import parse_http_date
from fla_gateway.proxy.messages.date_field import Dates
from tests.support.properties import BOUNDED

_SECONDS = st.integers(0, 253_402_300_799)


@BOUNDED
@given(_SECONDS)
def test_the_form_of_today_is_written_and_read(seconds):
    """IMF-fixdate, as the library writes it."""
    text = formatdate(seconds, usegmt=True)
    assert Dates(lambda: seconds + 0.5).text() == text
    assert Dates(lambda: seconds).field_rest() == f": {text}\r\n".encode()
    assert parse_http_date(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +0100",
    ],
)
def test_other_forms_are_read(text):
    """The two older ones, and what is nearly one."""
    assert parse_http_date(text) in {784_111_777.0, 784_108_177.0}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, 06 Nov 0000 08:49:37 GMT",
    ],
)
def test_what_is_no_date_is_none(text):
    """A day that does not exist, or anything else; a line end is as the library has it."""
    try:
        expected = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError):
        expected = None
    assert parse_http_date(text) == expected
