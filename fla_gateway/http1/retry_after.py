"""Rule: Retry-After becomes seconds.

Owns both forms of the field (RFC 9110, section 10.2.3) and the longest wait that is believed. Refuses to know who sent
it, and the present.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.http1.dates import parse_http_date

LONGEST_RETRY_AFTER: Final = 300
"""Seconds of Retry-After that are honoured; an operator who repaired something must not wait for hours."""


def retry_after_seconds(field: str | None, date: float) -> int | None:
    """Read Retry-After in both its forms (RFC 9110, section 10.2.3).

    Args:
        field: the field's value or None.
        date: the server's clock, which a date is compared with.

    Returns:
        Whole seconds from 0 to 300, or None where there is nothing readable.
    """
    if field is None:
        return None
    text = field.strip()
    if text.isascii() and text.isdigit():
        return LONGEST_RETRY_AFTER if len(text) > 6 else min(int(text), LONGEST_RETRY_AFTER)  # noqa: PLR2004 - 11 days
    moment = parse_http_date(text)
    if moment is None:
        return None
    return max(0, min(LONGEST_RETRY_AFTER, round(moment - date)))
