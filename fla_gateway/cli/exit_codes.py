"""The exit codes, which are part of the public contract (docs/commands.md).

Owns the numbers. Refuses to know who returns them.
"""

from __future__ import annotations

from typing import Final

WELL: Final = 0
FINDINGS: Final = 1
WRONG_USE: Final = 2
INTERNAL: Final = 70
INTERRUPTED: Final = 130  # 128 + SIGINT, which is what a shell expects of a command ended with Ctrl-C
