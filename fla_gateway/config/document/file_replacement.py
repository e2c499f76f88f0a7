"""Adapter: puts another text in the place of a file, which keeps owner, group and mode.

Owns the order of the system calls: a reader sees the one text or the other. Refuses to know what the file contains.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from fla_gateway.i18n.message import Text


def replace_content(path: Path, before: bytes, after: bytes) -> None:
    """Replace the content of a file; of a link, that of the file that it leads to.

    Args:
        path: of the file.
        before: what it must still have.
        after: what it is to have.

    Raises:
        OSError: it has something else by now, or it cannot be replaced by a file of the same owner and mode.
    """
    real = path.resolve(strict=True)
    if real.read_bytes() != before:
        raise OSError(errno.ESTALE, Text("it has changed meanwhile"), str(path))
    seen = real.stat()
    temporary = real.with_name(f".{real.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(after)
            if (seen.st_uid, seen.st_gid) != (os.geteuid(), os.getegid()):
                _give(descriptor, seen.st_uid, seen.st_gid, path)
            os.fchmod(descriptor, stat.S_IMODE(seen.st_mode))
            file.flush()
            os.fsync(descriptor)
        temporary.replace(real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(real.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _give(descriptor: int, owner: int, group: int, path: Path) -> None:
    try:
        os.fchown(descriptor, owner, group)
    except PermissionError:
        reason = Text(
            "it is of user {uid} and group {gid}, which this user cannot give a new file; run the command as root",
            uid=str(owner),
            gid=str(group),
        )
        raise OSError(errno.EPERM, reason, str(path)) from None
