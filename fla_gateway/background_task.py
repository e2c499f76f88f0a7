"""Adapter: work that goes on beside the requests, and ends with what it belongs to.

Owns its end. Refuses to know what is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any


def run_beside(work: Coroutine[Any, Any, None], name: str, stack: AsyncExitStack) -> None:
    """Run something on the running loop until it ends or the stack is closed.

    It does not use a task group: that would raise an error of the start as an exception group, which no caller of the
    start handles.

    Args:
        work: handles its own errors.
        name: of the task.
        stack: cancels it, and waits for its end.
    """
    stack.push_async_callback(_end, asyncio.get_running_loop().create_task(work, name=name))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
