"""Rule: HTTP dates become seconds.

Owns the reading of Date and Retry-After dates (RFC 9110, section 5.6.7). Refuses to know the present.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_IMF_FIXDATE: Final = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ({'|'.join(_MONTHS)}) ([1-9]\d{{3}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)


def parse_http_date(text: str) -> float | None:
    """Read an HTTP date in any of its three forms.

    Returns:
        Seconds since the epoch, or None where the text is no date.
    """
    if (written := _IMF_FIXDATE.fullmatch(text)) is not None:
        return _seconds(written)
    # Two forms that no server of today writes, and what is nearly one: for these a start need not wait.
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - as above

    try:
        moment = parsedate_to_datetime(text)
        # The asctime form bears no zone; HTTP dates are always UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _seconds(written: re.Match[str]) -> float | None:
    day, month, year, hour, minute, second = written.groups()
    try:
        at = datetime(int(year), 1 + _MONTHS.index(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    return at.timestamp()
