"""How long tests wait, and how they wait for what no event tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds after which a wait for an event has failed.

A wait that is met costs nothing, so this is far beyond what a machine busy with other work takes. No test waits so long
for nothing to happen.
"""


async def eventually(condition: Callable[[], object]) -> None:
    """Give the loop turns until something is true; for what no event tells."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.002)
