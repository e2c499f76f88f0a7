"""Adapter: the start of a thread that the process cannot do without.

Owns the error where the system gives none. Refuses to know what the thread does.
"""

from __future__ import annotations

from threading import Thread
from typing import Final

from fla_gateway.errors import NoThreadError
from fla_gateway.i18n.message import Text

NONE_LEFT: Final = Text(
    "The system gives no thread: a limit of processes (ulimit -u, TasksMax, pids.max) or of memory is reached."
)


def start(thread: Thread) -> None:
    """Start a thread.

    Raises:
        NoThreadError: the system gives none.
    """
    try:
        thread.start()
    except RuntimeError:
        raise NoThreadError(NONE_LEFT) from None
