"""Root of observation: one observer for the data path, whatever is switched on.

Owns the joining of log and counters into a single call. Refuses to know what either does with a record.
"""

from __future__ import annotations

from fla_gateway.observe.counters import Counters
from fla_gateway.proxy.record import ExchangeRecord, Observer


class CountAndLog:
    """Observer that counts every exchange and writes its line."""

    def __init__(self, counters: Counters, log: Observer) -> None:
        self._count = counters.exchange
        self._log = log.exchange

    def exchange(self, record: ExchangeRecord) -> None:
        """Pass a finished exchange on to both."""
        self._count(record)
        self._log(record)


def join(counters: Counters, log: Observer | None) -> Observer:
    """Make the one observer: counting always, a line per exchange if there is a log."""
    return counters if log is None else CountAndLog(counters, log)
