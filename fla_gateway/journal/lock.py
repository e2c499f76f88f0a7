"""Adapter: the lock that keeps a journal to one writer.

Owns taking it, and finding out whether it is held. Refuses to know what is written. Two things are locked: a file of
its own, which every version looks at, and the directory itself, since a person who finds a file called lock may remove
it, and a second gateway that made it anew would write into the chain of the first.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final

_TRIES: Final = 10
_SECONDS: Final = 0.02


def take(descriptor: int) -> bool:
    """Lock a file or a directory for as long as it is open; return False if another program has it.

    Raises:
        OSError: its file system locks no such thing.
    """
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # What reads the journal may hold it for a moment, to learn whether a gateway writes.
            time.sleep(_SECONDS)
        else:
            return True
    return False


def take_directory(descriptor: int) -> bool:
    """Lock a directory as well, where its file system can: NFS cannot, and then the file is the only lock."""
    with contextlib.suppress(OSError):
        return take(descriptor)
    return True


def is_held(directory: Path, name: str) -> bool:
    """Whether a gateway holds the lock of a journal; it is released at once where it is free.

    Args:
        directory: of the journal.
        name: of the lock's file.

    Raises:
        OSError: the lock's file is there and cannot be opened.
    """
    with contextlib.suppress(FileNotFoundError):
        if _is_locked(directory / name, os.O_NOFOLLOW):
            return True
    with contextlib.suppress(OSError):
        return _is_locked(directory, os.O_DIRECTORY)
    return False


def _is_locked(path: Path, flags: int) -> bool:
    # Not to wait for the other end of a pipe that only has the name of the lock.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
