"""Adapter: bytes under a path, for a library that reads nothing but files.

Owns the anonymous file of Linux (memfd_create(2)): it is on no disk, and gone once it is closed. Refuses to know what
is in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_FILES: Final = Path("/proc/self/fd")


@contextmanager
def memory_file(content: bytes) -> Iterator[Path | None]:
    """Give a path under which the bytes can be read by this process while the block runs.

    Yields:
        The path; None on a system without such files, or where /proc is not mounted.
    """
    if not hasattr(os, "memfd_create"):
        yield None
        return
    try:
        number = os.memfd_create("fla-gateway", os.MFD_CLOEXEC)
    except OSError:
        # An older kernel, or a filter of system calls.
        yield None
        return
    try:
        with os.fdopen(number, "wb", closefd=False) as stream:
            stream.write(content)
        path = _FILES / str(number)
        yield path if path.exists() else None
    finally:
        os.close(number)
