"""Rule: HTTP dates become seconds.

Owns the reading of Date and Retry-After dates (RFC 9110, section 5.6.7). Refuses to know the present.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def parse_http_date(text: str) -> float | None:
    """Read an HTTP date in any of its three forms.

    Returns:
        Seconds since the epoch, or None where the text is no date.
    """
    try:
        moment = parsedate_to_datetime(text)
        # The asctime form bears no zone; HTTP dates are always UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
