"""Rule: is it known what became of a changing request?

Owns the reasons for doubt. Refuses to guess: what the API did in such a case only the API can tell.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.journal.exchanges import NO_OUTCOME, Exchange

HARMLESS_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""What they ask for may be asked again (RFC 9110, section 9.2.1: safe methods)."""

NO_ANSWER: Final = "no-answer"
CALLER_GONE: Final = "caller-gone"
SERVER_ERROR: Final = "server-error"

REASONS: Final = {
    NO_OUTCOME: "the gateway ended, or could not write its journal, before the outcome was recorded",
    NO_ANSWER: "it was sent, and no answer came",
    CALLER_GONE: "it was sent, the caller left, and no answer was seen",
    SERVER_ERROR: "the API answered with a 5xx, which does not say whether it was done",
}
"""Every reason, and what it means."""

_FIRST_SERVER_ERROR: Final = 500


def reason(exchange: Exchange) -> str:
    """Say why an exchange is in doubt.

    Returns:
        One of `REASONS`; empty where it is not in doubt, or still runs.
    """
    if exchange.text("method") in HARMLESS_METHODS or exchange.running:
        return ""
    if exchange.outcome is None:
        return NO_OUTCOME
    status = exchange.number("status")
    if exchange.word == "unknown":
        return NO_ANSWER
    if exchange.word == "caller-gone" and exchange.number("attempts") and not status:
        return CALLER_GONE
    if exchange.text("origin") == "upstream" and status >= _FIRST_SERVER_ERROR:
        return SERVER_ERROR
    return ""
