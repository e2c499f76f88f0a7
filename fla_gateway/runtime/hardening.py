"""Port: what the process denies to others of its own user, and to its own last breath.

Owns two switches of the kernel's. Refuses to confine what the process itself may do (`landlock`).
"""

from __future__ import annotations

import resource
from typing import Final

import structlog

from fla_gateway.runtime.kernel import prctl

_LOG = structlog.get_logger()
_PR_SET_DUMPABLE: Final = 4
"""prctl(2), as in linux/prctl.h."""


def undumpable() -> bool:
    """Keep memory and environment from every process but root's, and write no core file.

    Other processes of the same user can then neither attach to this one nor read /proc/PID/mem and environ (ptrace(2),
    proc(5)). Where the kernel does not know how, it is logged, and the process goes on: it is no worse off than others.

    Returns:
        Whether both were done.
    """
    return _no_core() and _not_dumpable()


def _no_core() -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        _LOG.warning("not-hardened", what="core files", reason=str(error))
        return False
    return True


def _not_dumpable() -> bool:
    try:
        prctl(_PR_SET_DUMPABLE, 0)
    except OSError as error:
        _LOG.warning("not-hardened", what="memory", reason=error.strerror or str(error))
        return False
    return True
