"""Adapter: standard output of a command that runs an event loop, written by a thread.

Owns that the loop never waits for the terminal or pipe that reads what the command prints. Refuses to know what is
printed.
"""

from __future__ import annotations

import sys
from typing import Final

from fla_gateway.cli.output import standard_streams
from fla_gateway.observe.logs.line_writer import LineWriter

_STDOUT: Final = 1
_CLOSE_SECONDS: Final = 2.0


class BackgroundOutput:
    """What `print` can be given as its file. Whole lines are written in order; those beyond 8 MiB are dropped."""

    def __init__(self) -> None:
        self._writer = LineWriter(_STDOUT, _STDOUT, on_failure=standard_streams.record_failure)
        self._encoding = sys.stdout.encoding

    def start(self) -> None:
        """Start the thread."""
        self._writer.start()

    def write(self, text: str) -> int:
        """Hand text over; never blocks."""
        self._writer.offer_requests(text.encode(self._encoding, "backslashreplace"), text.count("\n"))
        return len(text)

    def flush(self) -> None:
        """Let the thread have it, which writes at once.

        Raises:
            OSError: standard output has refused something since the start; its reader has gone, for instance.
        """
        failure = standard_streams.output_failure()
        if failure is not None:
            raise failure

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return sys.stdout.isatty()

    def close(self) -> None:
        """Write what waits, for at most two seconds."""
        self._writer.close(_CLOSE_SECONDS)
