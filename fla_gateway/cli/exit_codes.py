"""The exit codes, which are part of the public contract (docs/commands.md).

Owns the numbers. Refuses to know who returns them.
"""

from __future__ import annotations

from typing import Final

WELL: Final = 0
FINDINGS: Final = 1
WRONG_USE: Final = 2
CUT_OFF: Final = 3
"""The drain at the end of `run` cut exchanges off."""
UNAVAILABLE: Final = 69
"""No gateway answers at the admin listener (EX_UNAVAILABLE of sysexits.h)."""
INTERNAL: Final = 70
IN_USE: Final = 75
"""An address or the journal is in use, or there is no thread; it may be free a moment later (EX_TEMPFAIL)."""
INTERRUPTED: Final = 130  # 128 + SIGINT, which is what a shell expects of a command ended with Ctrl-C
