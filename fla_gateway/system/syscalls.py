"""Adapter: the two calls of the Linux kernel for which Python has no name.

Owns calling them, with errors as `OSError`. Refuses to know what for. ctypes is read at the first call: it costs some
half a megabyte.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any


def prctl(option: int, value: int) -> int:
    """Change something about this process (prctl(2), with one argument).

    Raises:
        OSError: the kernel refuses, or is not Linux.
    """
    return _called("prctl", option, value, 0, 0, 0)


def syscall(number: int, *arguments: Any) -> int:
    """Ask the kernel by the number of a call (syscall(2)).

    Args:
        number: of the call on this machine.
        arguments: integers, None for a null pointer, or ctypes values.

    Raises:
        OSError: the kernel refuses, does not know the call, or is not Linux.
    """
    return _called("syscall", number, *arguments)


def _called(name: str, *arguments: Any) -> int:
    import ctypes  # noqa: PLC0415 - see the head

    # An integer would be passed as an int of C, and the kernel takes longs.
    given = [ctypes.c_long(it) if isinstance(it, int) else it for it in arguments]
    result = int(_libc()[name](*given))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


@cache
def _libc() -> Any:
    import ctypes  # noqa: PLC0415 - see the head

    if sys.platform != "linux":
        raise OSError(f"{sys.platform} is not Linux")
    library = ctypes.CDLL(None, use_errno=True)
    for name in ("prctl", "syscall"):
        library[name].restype = ctypes.c_long if name == "syscall" else ctypes.c_int
    return library
