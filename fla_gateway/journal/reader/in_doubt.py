"""Rule: whether the journal, or a person, knows the outcome of a changing request.

Owns the words for each reason, and the one that only a journal can have: the outcome is missing. Refuses to judge an
outcome that is there; `proxy.records.in_doubt` does, for the status page as well.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.i18n.message import Text
from fla_gateway.journal.reader.exchange_history import NO_OUTCOME, Exchange
from fla_gateway.proxy.exchange.retry_policy import READING
from fla_gateway.proxy.records.in_doubt import CALLER_GONE, NO_ANSWER, SERVER_ERROR, doubt

HARMLESS_METHODS: Final = frozenset(method.decode() for method in READING)
"""As the journal writes them."""

REASONS: Final = {
    NO_OUTCOME: Text("the gateway ended, or could not write its journal, before the outcome was recorded"),
    NO_ANSWER: Text("it was sent, and no answer came"),
    CALLER_GONE: Text("it was sent, the caller left, and no answer was seen"),
    SERVER_ERROR: Text("the API answered with a 5xx, which does not say whether it was done"),
}
"""Every reason, and what it means."""


def reason(exchange: Exchange) -> str:
    """Say why an exchange is in doubt, as long as that is open.

    Returns:
        One of `REASONS`; empty where it is not in doubt, still runs, or a person has settled it.
    """
    why = doubt_of(exchange)
    # In this order: most exchanges are not in doubt, and settlements may have to be read first.
    return "" if why and exchange.settlements else why


def doubt_of(exchange: Exchange) -> str:
    """Say why an exchange is in doubt, whether or not a person has settled it; as `reason` otherwise."""
    if exchange.text("method") in HARMLESS_METHODS or exchange.running:
        return ""
    if exchange.outcome is None:
        return NO_OUTCOME
    return doubt(exchange.word, exchange.text("origin"), exchange.number("status"), exchange.number("attempts"))
