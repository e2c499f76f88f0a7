"""The command line: finds the command, runs it, ends the process.

Owns the list of commands and the exit codes: 0 well, 1 findings, 2 wrong use or configuration, 70 internal. Refuses
to know what a command does; each has a file of its own, imported only when it is called, so that `run` starts
quickly.
"""

from __future__ import annotations


def main() -> None:
    """Run the command that the arguments name."""
    raise SystemExit(2)
