"""Modules that are imported while callers are served."""

from __future__ import annotations

import asyncio
import sys

from fla_gateway.runtime.background_import import imported
from tests.support.waiting import eventually

SLOW = """
import time
time.sleep(0.2)
FOUND = 1
"""


async def test_a_module_that_another_thread_imports_is_waited_for(tmp_path):
    """It is among the modules before it has its names."""
    (tmp_path / "slow_module_of_a_test.py").write_text(SLOW)
    sys.path.insert(0, str(tmp_path))
    try:
        first = asyncio.create_task(imported("slow_module_of_a_test"))
        await eventually(lambda: "slow_module_of_a_test" in sys.modules)
        assert (await imported("slow_module_of_a_test")).FOUND == 1
        await first
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["slow_module_of_a_test"]
