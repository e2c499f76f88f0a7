"""Adapter: what Python and its libraries would print to standard error becomes events.

Owns the hooks: logging, warnings, errors of finalizers and of threads. Refuses to quote: a message may repeat what was
being read. Printed by themselves they would be written by the event loop, which must never wait for a reader.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Final

import structlog

_LOG = structlog.get_logger()
_QUIET_SECONDS: Final = 60.0
_MOST_PLACES: Final = 256


def divert(monotonic: Callable[[], float]) -> None:
    """Turn what would be printed into events, for the rest of the process.

    Args:
        monotonic: `Clock.monotonic`.
    """
    logging.getLogger().addHandler(_Events(monotonic))
    logging.captureWarnings(True)  # noqa: FBT003 - as the library has it
    sys.unraisablehook = _report_finalizer
    threading.excepthook = _report_thread


class _Events(logging.Handler):
    """Reports where a library logged a warning or an error, each place at most once a minute."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__(logging.WARNING)
        self._monotonic = monotonic
        self._reported_at: dict[tuple[str, int], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log one; never raises."""
        place = (record.pathname, record.lineno)
        now = self._monotonic()
        if now < self._reported_at.get(place, float("-inf")) + _QUIET_SECONDS:
            return
        if len(self._reported_at) >= _MOST_PLACES:
            self._reported_at.clear()
        self._reported_at[place] = now
        facts = {"logger": record.name, "place": f"{record.pathname}:{record.lineno}"}
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.ERROR:
            _LOG.error("library-message", **facts, exc_info=error)
        else:
            _LOG.warning("library-message", **facts, exc_info=error)


def _report_finalizer(what: sys.UnraisableHookArgs) -> None:
    _LOG.error("finalizer-failed", object=type(what.object).__name__, exc_info=what.exc_value)


def _report_thread(what: threading.ExceptHookArgs) -> None:
    name = what.thread.name if what.thread is not None else ""
    _LOG.error("thread-failed", thread=name, exc_info=what.exc_value)
