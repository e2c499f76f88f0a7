"""Adapter: the lines of one kind on their way to one descriptor.

Owns what waits, the block under way, and the count of what was dropped of them. Refuses to write, to lock and to wait;
`observe.logs.line_writer` does.
"""

from __future__ import annotations

import os
import select
import stat
from collections import deque
from collections.abc import Callable
from typing import Final

NOTICE_SECONDS: Final = 1.0
"""Between two reports of a loss."""
_WHOLE: Final = 1 << 30
_PIECE_OF_TERMINAL: Final = 512
_PIECE_OF_SOCKET: Final = 32 << 10
"""Linux reports a stream socket as writable while at least two thirds of its buffer, 208 KiB by default, are free."""

Notice = Callable[[int], bytes]
"""Makes the line that says how many were dropped."""


class Lane:
    """What waits for one descriptor. Everything but `piece` is called with the writer's lock held."""

    def __init__(self, descriptor: int, notice: Notice | None) -> None:
        self.descriptor = descriptor
        self.waiting: deque[tuple[int, bytes, int]] = deque()
        self.size = 0
        self.dropped = 0
        self.broken = False
        self.block = b""
        self._at = 0
        self._lines = 0
        self.read_only = _is_read_only(descriptor)
        self._length = _piece_length(descriptor)
        self.notice = notice
        self._reported = 0
        self._reported_at = float("-inf")
        # What a notice that is being written reports.
        self._reporting: int | None = None
        self._torn = False

    def put(self, number: int, block: bytes, lines: int) -> None:
        """Have a block wait.

        Args:
            number: of the block among those of all lanes, which are written in this order.
            block: whole lines.
            lines: how many they are.
        """
        self.waiting.append((number, block, lines))
        self.size += len(block)

    def evict(self) -> None:
        """Drop the oldest block that waits."""
        _, block, lines = self.waiting.popleft()
        self.size -= len(block)
        self.dropped += lines

    @property
    def owing(self) -> bool:
        """Whether a loss is to be said, and the stream takes lines."""
        return self.notice is not None and self.dropped > self._reported and not self.broken

    def has_next(self, now: float) -> bool:
        """Whether there is something to begin."""
        return bool(self.waiting) or self._is_due(now)

    def first_number(self) -> int:
        """Number of the block that waits longest; 0 where only a notice is to be written."""
        return self.waiting[0][0] if self.waiting else 0

    def begin(self, now: float) -> None:
        """Take the notice of a loss, or the next block."""
        if self.notice is not None and self._is_due(now):
            self._reporting, self._reported_at = self.dropped, now
            self.block, self._lines = self.notice(self.dropped - self._reported), 0
            self.size += len(self.block)
        else:
            _, self.block, self._lines = self.waiting.popleft()
        if self._torn:
            # A line of which a part was written before a failure must not run into this one.
            self.block = b"\n" + self.block
            self.size += 1

    def piece(self) -> memoryview:
        """Give what is written next: whole lines if the stream takes one at once."""
        end = self._at + self._length
        if end < len(self.block):
            end = self.block.rfind(b"\n", self._at, end) + 1 or end
        return memoryview(self.block)[self._at : end]

    def advance(self, written: int) -> bool:
        """Note what was written; return whether the block is finished."""
        self.broken = self._torn = False
        self._at += written
        if self._at < len(self.block):
            return False
        if self._reporting is not None:
            self._reported = self._reporting
        self._finish()
        return True

    def fail(self) -> None:
        """Give the block up: the next one may fare better."""
        self.broken = True
        # An event can have several lines, and a block several requests of which some are written.
        self.dropped += min(self._lines, self.block.count(b"\n", self._at))
        if self._at:
            self._torn = not self.block.endswith(b"\n", 0, self._at)
        self._finish()

    def _is_due(self, now: float) -> bool:
        return self.owing and now >= self._reported_at + NOTICE_SECONDS

    def _finish(self) -> None:
        self.size -= len(self.block)
        self.block, self._at, self._reporting = b"", 0, None


def _is_read_only(descriptor: int) -> bool:
    """Return whether a descriptor was opened for reading alone: of a pipe, poll(2) would never report it."""
    try:
        import fcntl  # noqa: PLC0415 - not on every platform

        return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    except (ImportError, OSError):
        return False


def _piece_length(descriptor: int) -> int:
    """Bytes that can be written without waiting once poll(2) has said that the descriptor is writable."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return select.PIPE_BUF
    if stat.S_ISREG(mode):
        return _WHOLE
    if stat.S_ISSOCK(mode):
        return _PIECE_OF_SOCKET
    return select.PIPE_BUF if stat.S_ISFIFO(mode) or not os.isatty(descriptor) else _PIECE_OF_TERMINAL
