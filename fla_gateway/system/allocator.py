"""Adapter: what the C library keeps of freed memory.

Owns the calls of glibc for it. Refuses to know when memory was freed. Elsewhere nothing is done: what is kept is
only kept.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Final

_M_ARENA_MAX: Final = -8
"""mallopt(3), as in malloc.h."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_ARENAS: Final = 2
"""One for the event loop, one for all other threads, which rarely run and hold the interpreter's lock when they do."""


def keep_few_arenas() -> None:
    """Let threads share memory that was freed; call it before there are threads."""
    library = _glibc()
    if library is not None:
        library.mallopt(_M_ARENA_MAX, _ARENAS)


def keep_freed_memory(most: int) -> None:
    """Let the next large block have the memory of the one before, which else goes back to the system in between.

    Args:
        most: bytes that are kept.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(_M_MMAP_THRESHOLD, most)
        library.mallopt(_M_TRIM_THRESHOLD, most)


def return_freed_memory() -> None:
    """Give whole pages that are not in use back to the system; takes milliseconds."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> Any:
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - as in syscalls

    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None  # musl has none
