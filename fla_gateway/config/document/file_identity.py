"""Adapter: one file, as the system sees it.

Owns the reading of its bytes, what it is recognised by without them, and where links lead. Refuses to remember
anything: `file_snapshot` does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import time
from hashlib import sha256
from typing import Final, NamedTuple

from fla_gateway.i18n.message import Text

LARGEST: Final = 16_777_216
"""Bytes that are read of a file at most, and one more, by which the reader notices that there are too many."""
PIPE_SECONDS: Final = 60.0
"""How long a start waits for the end of a pipe: less than service managers wait for a start, and then it says why."""
_MOST_LINKS: Final = 40
_AT_LEAST: Final = 512
"""Bytes that are asked for beyond the size of a file: its end is seen with the next reading, and a pipe has no size."""
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_CLOSED_ON_EXEC: Final = getattr(os, "O_CLOEXEC", 0)


class NoRegularFileError(OSError):
    """The file is a pipe or a device: it may have nothing to say for ever, and nothing twice."""

    def __init__(self, name: str) -> None:
        super().__init__(
            errno.ESPIPE, Text("it is no regular file, and only those are read while the gateway runs"), name
        )


class SilentPipeError(OSError):
    """The file is a pipe or a device whose end has not come for long."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.ETIMEDOUT, Text("it is a pipe or a device, and its end has not come in time"), name)


class Identity(NamedTuple):
    """What a regular file is recognised by, without its bytes.

    Attributes:
        place: where it really is, links followed.
        device: of its file system.
        inode: its number there.
        size: in bytes.
        changed: when its bytes were changed last, in nanoseconds since 1970.
    """

    place: str
    device: int
    inode: int
    size: int
    changed: int


class Links:
    """Where paths lead, for one look at many files, most of which are in few folders."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def follow(self, path: str) -> str:
        """Follow the links of a path."""
        return self.trace(path)[0]

    def trace(self, path: str) -> tuple[str, tuple[str, ...]]:
        """Follow the links of a path; give where it leads, and the folders of the links on the way there."""
        passed: list[str] = []
        path = path if path.startswith("/") else os.path.abspath(path)  # noqa: PTH100 - resolve() does more
        for _ in range(_MOST_LINKS):
            folder, _, name = path.rpartition("/")
            real = self._folders.get(folder)
            if real is None:
                real = self._folders[folder] = os.path.realpath(folder or "/").rstrip("/")
            place = f"{real}/{name}"
            try:
                target = os.readlink(place)  # noqa: PTH115 - thousands of files, each second
            except OSError:
                # Most often it is no link.
                return place, tuple(passed)
            passed.append(real or "/")
            path = target if target.startswith("/") else f"{real}/{target}"
        return path, tuple(passed)


def read_bytes(name: str, *, pipes: bool, seconds: float = PIPE_SECONDS) -> tuple[bytes, os.stat_result]:
    """Read a file up to the limit; the facts about it are of the moment before.

    Args:
        name: its path.
        pipes: whether a pipe or a device is read as well, and waited for.
        seconds: for how long.

    Raises:
        OSError: it cannot be read, or is no file of that kind.
    """
    # Opening a pipe that has no writer would wait for one.
    number = os.open(name, os.O_RDONLY | _CLOSED_ON_EXEC | _NO_WAIT)
    try:
        seen = os.fstat(number)
        if stat.S_ISDIR(seen.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not pipes and not stat.S_ISREG(seen.st_mode):
            raise NoRegularFileError(name)
        last = None if stat.S_ISREG(seen.st_mode) else time.monotonic() + seconds
        parts: list[bytes] = []
        left = LARGEST + 1
        while left and (part := _read_part(number, min(left, seen.st_size + _AT_LEAST), last, name)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts), seen
    finally:
        os.close(number)


def _read_part(number: int, size: int, last: float | None, name: str) -> bytes:
    """Read on; where there is a last moment (monotonic), what has nothing to say yet is waited for until then."""
    while last is not None and hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN)
        if not poll.poll(max(0.0, last - time.monotonic()) * 1000):
            raise SilentPipeError(name)
        with contextlib.suppress(BlockingIOError):
            return os.read(number, size)
    return os.read(number, size)


def identity_of(seen: os.stat_result, place: str) -> Identity:
    """Take what a file is recognised by out of what the system says of it."""
    return Identity(place, seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)


def failure_of(name: str, *, pipes: bool) -> int:
    """Give the number of the system's error when a file is to be read, as `read_bytes` does; 0 if it can be."""
    try:
        number = os.open(name, os.O_RDONLY | _NO_WAIT | _CLOSED_ON_EXEC)
    except OSError as error:
        return error.errno or errno.EIO
    try:
        mode = os.fstat(number).st_mode
        if stat.S_ISDIR(mode):
            return errno.EISDIR
        return 0 if pipes or stat.S_ISREG(mode) else errno.ESPIPE
    finally:
        os.close(number)


def digest_of(name: str) -> bytes:
    """Give the digest of what a file holds now; empty where it cannot be read."""
    try:
        return sha256(read_bytes(name, pipes=False)[0]).digest()
    except OSError:
        return b""
