"""Adapter: keeps other processes of the same user from memory and environment, and writes no core file.

Owns two switches of the kernel. Refuses to confine what the process itself may do (`landlock`). It is the first thing
that a command that reads keys does, so it imports nothing that takes time; what failed is logged later.
"""

from __future__ import annotations

import resource
from typing import Final

from fla_gateway.system.syscalls import prctl

_PR_SET_DUMPABLE: Final = 4
"""prctl(2), as in linux/prctl.h."""
_FAILURES: Final[dict[str, str]] = {}
"""What could not be done in this process, and why."""


def undumpable() -> bool:
    """Keep memory and environment from every process but root's, and write no core file.

    Other processes of the same user can then neither attach to this one nor read /proc/PID/mem and environ (ptrace(2),
    proc(5)). What was opened before stays open. Where the kernel refuses, the process goes on: it is no worse off than
    others; `log_failures` reports it.

    Returns:
        Whether both were done.
    """
    _FAILURES.clear()
    # Memory first: until then it is open.
    return all((_not_dumpable(), _no_core()))


def log_failures() -> None:
    """Log what `undumpable` could not do."""
    import structlog  # noqa: PLC0415 - see the head

    _LOG = structlog.get_logger()  # noqa: N806 - the name by which events are found
    for what, reason in _FAILURES.items():
        _LOG.warning("not-hardened", what=what, reason=reason)


def _no_core() -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        _FAILURES["core files"] = str(error)
        return False
    return True


def _not_dumpable() -> bool:
    try:
        prctl(_PR_SET_DUMPABLE, 0)
    except OSError as error:
        _FAILURES["memory"] = error.strerror or str(error)
        return False
    return True
