"""Adapter: modules that are imported while callers are served.

Owns the way. Refuses to know which modules.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any, Final

_SWITCH_SECONDS: Final = sys.getswitchinterval()
_MAKES_WAY_SECONDS: Final = 0.0005


async def imported(name: str) -> Any:
    """Import a module in a thread that makes way for the event loop.

    A thread keeps the interpreter's lock for 5 ms when another one waits for it, each time: a token that is fetched
    meanwhile waits for it some twenty times.
    """
    # Also where it is there already: another thread may be in the middle of it, which the import waits for.
    sys.setswitchinterval(_MAKES_WAY_SECONDS)
    try:
        return await asyncio.to_thread(importlib.import_module, name)
    finally:
        sys.setswitchinterval(_SWITCH_SECONDS)
