"""Adapter: the signals that end the process.

Owns what each signal does. Refuses to know how the process ends in peace.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Final

import structlog

from fla_gateway.observe.logs.line_writer import LineWriter

_LOG = structlog.get_logger()
_LAST_WORD_SECONDS: Final = 0.25
"""How long the end after a second signal waits for lines that are not read."""


def handle_signals(stop: asyncio.Event, output: LineWriter) -> None:
    """Let the first SIGTERM or SIGINT ask for the end, and the second one end the process at once.

    Args:
        stop: set by the first.
        output: flushed by the second.
    """
    loop = asyncio.get_running_loop()

    def ask_to_stop(name: str) -> None:
        if stop.is_set():
            _LOG.warning("stopped-at-once", signal=name)
            output.flush(_LAST_WORD_SECONDS)
            os._exit(1)
        _LOG.info("signal", signal=name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop, number.name)
    loop.add_signal_handler(signal.SIGHUP, _note_hangup)


def _note_hangup() -> None:
    _LOG.warning("signal", signal="SIGHUP", warning="reload is not supported yet; restart to read the configuration")
