"""Root of observation: one observer for the data path, whatever is switched on.

Owns the order, and that the fault of one neither ends an exchange nor keeps the others from it. Refuses to know what
any of them does with a record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from fla_gateway.proxy.record import ExchangeRecord, Observer

_LOG = structlog.get_logger()
_QUIET_SECONDS: Final = 60.0


class Joined:
    """Observer that passes every exchange on, and lets nothing through that is raised.

    Args:
        observers: in the order in which they are told.
    """

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self._calls = tuple(one.exchange for one in observers)
        self._faults: dict[Callable[[ExchangeRecord], None], tuple[int, float]] = {}

    def exchange(self, record: ExchangeRecord) -> None:
        """Pass a finished exchange on to all of them."""
        for call in self._calls:
            try:
                call(record)
            except Exception as error:  # noqa: BLE001 - an answer that was given must not become a broken connection
                self._complain(call, error, record.ended)

    def _complain(self, call: Callable[[ExchangeRecord], None], error: Exception, now: float) -> None:
        """Tell a fault, for each observer at most once a minute: it may come with every exchange."""
        count, told = self._faults.get(call, (0, 0.0))
        count += 1
        if count == 1 or now >= told + _QUIET_SECONDS:
            told = now
            name = getattr(call, "__qualname__", type(call).__qualname__)
            _LOG.error("observer-failed", observer=name, count=count, error=type(error).__name__, exc_info=error)
        self._faults[call] = (count, told)


def join(
    counters: Observer,
    log: Observer | None = None,
    *,
    journal: Observer | None = None,
    recent: Observer | None = None,
    doubts: Observer | None = None,
    notices: Observer | None = None,
    tracing: Observer | None = None,
) -> Observer:
    """Make the one observer out of those that are switched on.

    The journal comes first: what can be proven later matters more than what can be seen now.
    """
    given = (journal, counters, recent, doubts, log, notices, tracing)
    return Joined(tuple(one for one in given if one is not None))
