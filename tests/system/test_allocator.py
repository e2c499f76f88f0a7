"""Giving freed memory back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from fla_gateway.system.allocator import keep_few_arenas, return_freed_memory
from tests.support.waiting import PATIENCE

MIB = 1 << 20


def resident() -> int:
    """Return the resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
def test_freed_memory_below_a_block_that_is_in_use_is_returned():
    """The library itself returns only what is free at the end of an arena."""
    blocks = [bytes(1000) for _ in range(64 * 1024)]
    last = blocks.pop()
    blocks.clear()
    before = resident()
    return_freed_memory()
    assert before - resident() > 32 * MIB
    assert len(last) == 1000


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
def test_memory_that_is_kept_is_used_again():
    """Blocks that come and go need no new pages; seen in a process of its own, since it lasts."""
    text = """
import resource
from fla_gateway.system.allocator import keep_freed_memory

def use(): [b"x" * 300_000 for _ in range(4)]
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_freed_memory(16 << 20)
use()
before = faults()
for _ in range(50): use()
print(faults() - before)
"""
    said = subprocess.run([sys.executable, "-c", text], capture_output=True, check=True, timeout=PATIENCE).stdout
    assert int(said) < 1000, "50 times 4 blocks of 74 pages are 14,800"


def test_elsewhere_nothing_is_done():
    """Neither call ever fails: what is kept is only kept."""
    keep_few_arenas()
    return_freed_memory()
