"""Adapter: the signals that arrive before the event loop takes them.

Owns what they do while modules are imported and keys are read: nothing is served yet, so nothing has to be finished.
Refuses to know what is started. Without a handler the kernel would keep SIGTERM from a process that is the first of its
container, and SIGHUP would end it.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Final

MEANINGLESS: Final = (signal.SIGUSR1, signal.SIGUSR2) if hasattr(signal, "SIGUSR1") else ()
"""Signals that would end the process, and mean something else to other servers."""

_hangups: list[int] = []


def handle_early_signals() -> None:
    """End at once at SIGTERM, with 0, since nothing was cut off, and at Ctrl-C; remember SIGHUP."""
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in a shell's background
        signal.signal(signal.SIGINT, _interrupt)
    for number in MEANINGLESS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, _remember)


def hung_up() -> bool:
    """Return whether SIGHUP came: what was read before it may have changed."""
    return bool(_hangups)


def _end(_number: int, _frame: FrameType | None) -> None:
    # No exception: one that is raised within an import or a callback may be caught, or shown as an error.
    os._exit(0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    os._exit(128 + signal.SIGINT)


def _remember(number: int, _frame: FrameType | None) -> None:
    _hangups.append(number)
