"""Ending a command that runs until a signal: SIGTERM or Ctrl-C.

Owns the translation of both signals into the cancellation of the command's own task. Refuses to know what runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine

from fla_gateway.runtime.default_executor import UnwaitedExecutor


def run_until_stopped(work: Coroutine[None, None, int], *, when_stopped: int) -> int:
    """Run to the end, or until SIGTERM or Ctrl-C; what the work holds open is closed before this returns.

    Args:
        work: gives the exit code.
        when_stopped: exit code after a signal.
    """
    try:
        with asyncio.Runner() as runner:
            runner.get_loop().set_default_executor(UnwaitedExecutor())
            return runner.run(_stoppable(work))
    except (asyncio.CancelledError, KeyboardInterrupt):
        return when_stopped


async def _stoppable(work: Coroutine[None, None, int]) -> int:
    task = asyncio.current_task()
    if task is not None:
        # Windows has no such handlers; there Ctrl-C alone is translated, by asyncio itself.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
