"""The kernel's Landlock, for tests that are confined by it."""

from __future__ import annotations

import pytest

from fla_gateway.system.syscalls import syscall


def _version() -> int:
    try:
        return syscall(444, None, 0, 1)
    except OSError:
        return 0


VERSION = _version()
"""Of the rules that the kernel knows; 0 without any."""

confined = pytest.mark.skipif(VERSION < 1, reason="this kernel has no Landlock")
