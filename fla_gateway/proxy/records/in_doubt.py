"""Rule: whether the effect of a changing request is known.

Owns the reasons for doubt that are found once an exchange is over. Refuses to guess: what the API did in such a case is
known to the API alone.
"""

from __future__ import annotations

from typing import Final

NO_ANSWER: Final = "no-answer"
CALLER_GONE: Final = "caller-gone"
SERVER_ERROR: Final = "server-error"

_FIRST_SERVER_ERROR: Final = 500


def doubt(outcome: str, origin: str, status: float, attempts: float) -> str:
    """Return the reason why an exchange is in doubt; only for methods that are not in `exchange.retry_policy.READING`.

    Args:
        outcome: as in `exchange_record.ExchangeRecord`; so are all others.
        origin: which component answered.
        status: of the answer, 0 without one.
        attempts: times the request was sent.

    Returns:
        `NO_ANSWER`, `CALLER_GONE` or `SERVER_ERROR`; empty where it is not in doubt.
    """
    if outcome == "unknown":
        return NO_ANSWER
    if outcome == "caller-gone" and attempts and not status:
        return CALLER_GONE
    if origin == "upstream" and status >= _FIRST_SERVER_ERROR:
        return SERVER_ERROR
    return ""
