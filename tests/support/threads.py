"""A system that gives no thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TOO_LARGE: Final = 1 << 46
"""Bytes of a stack for which no process has room."""


@contextmanager
def no_thread() -> Iterator[None]:
    """Have the system refuse each new thread, of this whole process."""
    before = threading.stack_size(_TOO_LARGE)
    try:
        yield
    finally:
        threading.stack_size(before)
