"""Port: blocks of lines on a file descriptor, written by a thread.

Owns the thread, the bound on what waits for it, and the count of what was dropped. Refuses to know what the lines
say. The event loop never waits for a reader that has stopped reading.
"""

from __future__ import annotations

import os
import select
import threading
from queue import SimpleQueue
from typing import Final

MOST_LINES: Final = 20_000
_RETRY_SECONDS = 1.0


class LineWriter:
    """Writes lines in the background, in order, and drops what would pile up.

    It writes to the descriptor itself, not through `sys.stdout`: a thread that hangs inside a buffered stream holds
    the stream's lock, and the interpreter aborts when it wants to flush it at the end.

    Args:
        descriptor: an open file descriptor; never closed here.
        most_lines: lines that may wait at most.
    """

    def __init__(self, descriptor: int, most_lines: int = MOST_LINES) -> None:
        self._descriptor = descriptor
        self._most_lines = most_lines
        self._blocks: SimpleQueue[tuple[bytes, int] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # Each number has one writing side, so that neither needs a lock.
        self._taken = 0
        self._refused = 0
        self._done = 0
        self._failed = 0

    @property
    def dropped(self) -> int:
        """Lines lost since the start: no room, or the descriptor refused them."""
        return self._refused + self._failed

    def offer(self, block: bytes, lines: int) -> bool:
        """Hand over a block of whole lines; never blocks.

        Returns:
            False if there was no room and the block is lost.
        """
        if self._taken - self._done + lines > self._most_lines:
            self._refused += lines
            return False
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="request-lines", daemon=True)
            self._thread.start()
        self._taken += lines
        self._blocks.put((block, lines))
        return True

    def close(self, limit: float) -> None:
        """Write what waits and end the thread; gives up after `limit` seconds. Offer nothing afterwards."""
        if self._thread is not None:
            self._blocks.put(None)
            self._thread.join(limit)

    def _work(self) -> None:
        while (item := self._blocks.get()) is not None:
            block, lines = item
            try:
                self._write(memoryview(block))
            except OSError:
                # The reader is gone, or the disk is full: the next block may fare better, and counting is all
                # that can be done for this one.
                self._failed += lines
            self._done += lines

    def _write(self, rest: memoryview) -> None:
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                # A terminal or pipe shared with a program that made it non-blocking.
                select.select([], [self._descriptor], [], _RETRY_SECONDS)
