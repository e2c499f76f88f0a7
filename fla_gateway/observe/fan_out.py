"""Root of observation: one observer for the data path, whatever is switched on.

Owns the order, that all exchanges of a loop's turn are passed on together, and that the fault of one observer neither
breaks anything nor keeps a record from the others. Refuses to know what any of them does with a record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from fla_gateway.proxy.records.exchange_record import ExchangeRecord, Observer

_LOG = structlog.get_logger()
_QUIET_SECONDS: Final = 60.0


class FanOut:
    """Observer that passes every exchange on, and lets nothing through that is raised.

    Exchanges are passed on in the loop's next turn, all that ended in this one after each other: a processor that does
    the same thing eight times in a row needs two thirds of the time for it.

    Args:
        observers: in the order in which they are called.
        soon: `call_soon` of the event loop.
    """

    def __init__(self, observers: Sequence[Observer], soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._ended: list[ExchangeRecord] = []
        self._faults: dict[Callable[[ExchangeRecord], None], tuple[int, float]] = {}
        self.replace(observers)

    def replace(self, observers: Sequence[Observer]) -> None:
        """Pass exchanges on to these observers from now on, in their order, with those that ended in this turn."""
        self._calls = tuple(one.exchange for one in observers)
        self._faults = {call: fault for call, fault in self._faults.items() if call in self._calls}

    def exchange(self, record: ExchangeRecord) -> None:
        """Pass a finished exchange on to all of them, in the loop's next turn."""
        if not self._ended:
            self._soon(self.settle)
        self._ended.append(record)

    def settle(self) -> None:
        """Pass on what has not been yet; called by the loop, and before the observers are closed."""
        ended, self._ended = self._ended, []
        self.exchanges(ended)

    def exchanges(self, records: Sequence[ExchangeRecord]) -> None:
        """Pass finished exchanges on to all of them, now."""
        for call in self._calls:
            for record in records:
                try:
                    call(record)
                except Exception as error:  # noqa: BLE001 - neither the loop nor the others are to suffer from it
                    self._complain(call, error, record.ended)

    def _complain(self, call: Callable[[ExchangeRecord], None], error: Exception, now: float) -> None:
        """Log a fault, for each observer at most once a minute: it may come with every exchange."""
        count, reported_at = self._faults.get(call, (0, 0.0))
        count += 1
        if count == 1 or now >= reported_at + _QUIET_SECONDS:
            reported_at = now
            name = getattr(call, "__qualname__", type(call).__qualname__)
            _LOG.error("observer-failed", observer=name, count=count, error=type(error).__name__, exc_info=error)
        self._faults[call] = (count, reported_at)


def in_order(
    counters: Observer,
    log: Observer | None = None,
    *,
    recent: Observer | None = None,
    health: Observer | None = None,
    doubts: Observer | None = None,
    notices: Observer | None = None,
    tracing: Observer | None = None,
) -> tuple[Observer, ...]:
    """Return the observers that are switched on, in the order in which they are called.

    Args:
        counters: numbers for metrics; always there.
        log: writes a line for each exchange.
        recent: keeps the last hour.
        health: judges APIs by their answers.
        doubts: keeps what is in doubt.
        notices: reports what an `observe` let through.
        tracing: makes spans.
    """
    return tuple(one for one in (counters, recent, health, doubts, log, notices, tracing) if one is not None)
