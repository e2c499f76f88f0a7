"""Adapter: the signals that the running process takes.

Owns what each signal does. Refuses to know how the process ends in peace, and how a configuration is read again.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final

import structlog

from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.system.early_signals import MEANINGLESS

_LOG = structlog.get_logger()
_LAST_WORD_SECONDS: Final = 0.25
"""How long the end after a second signal waits for lines that are not read."""


def handle_signals(stop: Callable[[], None], reload: Callable[[], None], output: LineWriter) -> None:
    """Let the first SIGTERM or SIGINT ask for the end, the second one end the process at once, and SIGHUP reload.

    Signals that other servers open their logs with would end the process without a drain: they are logged, no more.

    Args:
        stop: called at the first.
        reload: called at each SIGHUP.
        output: flushed by the second.
    """
    loop = asyncio.get_running_loop()
    asked = False

    def ask_to_stop(name: str) -> None:
        nonlocal asked
        # Only signals count: after `fla-gateway quit` the first one, which a supervisor sends, asks for the same.
        if asked:
            _LOG.warning("stopped-at-once", signal=name)
            output.flush(_LAST_WORD_SECONDS)
            os._exit(1)
        asked = True
        _LOG.info("signal", signal=name)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop, number.name)
    loop.add_signal_handler(signal.SIGHUP, reload)
    for number in MEANINGLESS:
        loop.add_signal_handler(number, _note_meaningless, number.name)


def ignore_signals() -> None:
    """Take no signal any more: all is done, and the end must not be that of a process which a signal killed.

    The event loop gives signals their default effect back where it is closed.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, *MEANINGLESS):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


def _note_meaningless(name: str) -> None:
    _LOG.warning("signal", signal=name, warning="it has no meaning here; SIGHUP reloads, SIGTERM ends")
