"""Adapter: the directory of the journal, for the one process that writes it.

Owns who may have it, the lock, the key of masked paths, and which segments are there. Refuses to know what a segment
says. The directory is opened once and everything in it reached through its descriptor, so that it cannot be
replaced by another while the gateway runs.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import Final

import structlog

from fla_gateway.access.path_masking import KEY_BYTES
from fla_gateway.errors import ConfigurationError, Fault, InUseError
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.journal.format.segment_name import LOCK, MASK_KEY, Segment, parse
from fla_gateway.journal.lock import is_held, take, take_directory
from fla_gateway.journal.writer.tail_recovery import TornTail, judge

_LOG = structlog.get_logger()
PLACE: Final = "audit.path"
# Not to wait for the other end of a file, such as a FIFO, that only has the name of a segment.
_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_PRIVATE: Final = 0o600
_GROUP_AND_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_FIRST_LOOK: Final = 65_536
"""Bytes of a segment's end that nearly always suffice."""
_IN_USE: Final = Message("journal-in-use", "another gateway writes this journal")
_INSIDE: Final = Text(
    "name a directory inside it that does not exist yet: the gateway makes it, with the mode it needs"
)
_CURES: Final = {
    errno.ENOENT: Text("make the directory above it"),
    errno.EACCES: Text("the user that runs the gateway must be able to make and read it"),
    errno.ENOSPC: Text("the disk is full: make room"),
    errno.EDQUOT: Text("the disk quota is used up: make room"),
    errno.EROFS: Text("the file system is mounted read-only"),
    errno.ELOOP: Text("there is a symbolic link where a file is expected"),
}


class Directory:
    """The directory, locked for this process.

    Args:
        path: where it is; made with mode 0700 if it is missing and its parent is there.

    Raises:
        InUseError: another gateway writes there.
        ConfigurationError: it cannot be had, or is not this user's alone to write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = self._lock = -1
        try:
            self.descriptor = _open(path)
            found = os.fstat(self.descriptor)
            _judge_owner(found)
            _judge_mode(found)
            _narrow(self.descriptor, ".", stat.S_IWGRP)
            self._lock = self.open(LOCK, os.O_RDWR | os.O_CREAT)
            _take(self._lock, self.descriptor)
            self.masking_key = self._masking_key()
        except OSError as error:
            self.close()
            raise ConfigurationError((fault(error),)) from error
        except ConfigurationError:
            self.close()
            raise

    def open(self, name: str, flags: int) -> int:
        """Open a file of the directory, with mode 0600 if it is made; give the descriptor.

        Raises:
            OSError: it cannot be opened, or is a symbolic link.
        """
        descriptor = os.open(name, flags | _FLAGS, _PRIVATE, dir_fd=self.descriptor)
        if flags & os.O_CREAT:
            _narrow(descriptor, name, _GROUP_AND_OTHERS)
        return descriptor

    def remove(self, name: str) -> None:
        """Remove a file of the directory.

        Raises:
            OSError: it is still there.
        """
        os.unlink(name, dir_fd=self.descriptor)

    def segments(self) -> list[Segment]:
        """Give the segments, in the journal's order.

        Raises:
            OSError: the directory cannot be listed.
        """
        names = os.listdir(self.descriptor)  # noqa: PTH208 - pathlib lists no descriptor
        return sorted(segment for name in names if (segment := parse(name)) is not None)

    def tail(self, segment: Segment) -> TornTail:
        """Read and judge the end of a segment.

        Raises:
            OSError: it cannot be read.
        """
        descriptor = self.open(segment.name, os.O_RDONLY)
        try:
            size = os.fstat(descriptor).st_size
            look = min(_FIRST_LOOK, size)
            while (tail := judge(os.pread(descriptor, look, size - look), size)) is None:
                look = min(look * 8, size)
        finally:
            os.close(descriptor)
        return tail

    def close(self) -> None:
        """Release the lock; nothing of the directory may be used afterwards."""
        for descriptor in (self._lock, self.descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self._lock = self.descriptor = -1

    def _masking_key(self) -> bytes:
        try:
            descriptor = self.open(MASK_KEY, os.O_RDONLY)
        except FileNotFoundError:
            return self._new_masking_key()
        try:
            key = os.read(descriptor, KEY_BYTES + 1)
            if os.fstat(descriptor).st_mode & stat.S_IRWXO:
                message = Message(
                    "journal-key-readable-by-others",
                    "others may read {file}, with which masked paths can be guessed",
                    file=MASK_KEY,
                )
                raise _refused(message, Text("chmod 600 {file}", file=MASK_KEY))
            _narrow(descriptor, MASK_KEY, stat.S_IRWXG)
        finally:
            os.close(descriptor)
        if len(key) != KEY_BYTES:
            message = Message(
                "journal-key-damaged", "{file} does not have {bytes} bytes", file=MASK_KEY, bytes=KEY_BYTES
            )
            cure = Text(
                "restore it; or move it away, and hashes of the journal's older lines compare with no newer ones"
            )
            raise _refused(message, cure)
        return key

    def _new_masking_key(self) -> bytes:
        key = secrets.token_bytes(KEY_BYTES)
        fresh = MASK_KEY + ".new"
        descriptor = self.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.write(descriptor, key)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        # A name of its own until it is whole: a crash leaves no key of half the length.
        os.rename(fresh, MASK_KEY, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        with contextlib.suppress(OSError):  # some file systems sync no directory
            os.fsync(self.descriptor)
        return key


def held(path: Path) -> Fault | None:
    """Say that a gateway writes the journal now, without waiting and without making anything."""
    try:
        if not is_held(path, LOCK):
            return None
    except OSError:
        return None
    cure = Text("a second one would not start beside it; `fla-gateway check --against-running` asks the first")
    return Fault(PLACE, _IN_USE, cure)


def foreign(path: Path) -> Fault | None:
    """Say to root that the directory is another user's: it may be checking on behalf of that user, or not."""
    try:
        found = path.stat()
    except OSError:
        return None
    if os.geteuid() != 0 or found.st_uid == 0 or not stat.S_ISDIR(found.st_mode):
        return None
    message = Message(
        "journal-of-user", "the directory belongs to user {uid}: run as root would not start", uid=found.st_uid
    )
    return Fault(PLACE, message, Text("if that user runs the gateway, check as that user"))


def foreseen(path: Path) -> Fault | None:
    """Say why a gateway of this user could not have the directory, without making or changing anything.

    For root the owner is another question (`foreign`), since it may be checking on behalf of the user that runs the
    gateway. The lock is not tried (`held`): a gateway that runs holds it rightly.

    Returns:
        The first obstacle; None if none is seen.
    """
    try:
        if not path.exists():
            path.parent.stat()
            return None
        found = path.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise _no_directory()
        if os.geteuid() != 0:
            _judge_owner(found)
        _judge_mode(found)
    except OSError as error:
        return fault(error)
    except ConfigurationError as error:
        return error.faults[0]
    return None


def _open(path: Path) -> int:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise _no_directory() from None
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _judge_owner(found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        message = Message(
            "journal-of-another-user", "the directory belongs to another user than the one that runs the gateway"
        )
        raise _refused(message, _INSIDE)


def _judge_mode(found: os.stat_result) -> None:
    if found.st_mode & stat.S_IWOTH:
        message = Message(
            "journal-writable-by-others", "others may write to the directory, and so replace what was recorded"
        )
        raise _refused(message, Text("chmod 700; or {inside}", inside=_INSIDE))


def _narrow(descriptor: int, name: str, bits: int) -> None:
    """Take rights away that a file or the directory must not give, and say so.

    Kubernetes gives a volume's group all of it each time that a pod is started (fsGroup): a gateway that refused to
    start because of that would be down, and what the group may have read, it has read.

    Raises:
        OSError: they cannot be taken away.
    """
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & bits:
        os.fchmod(descriptor, mode & ~bits)
        _LOG.warning("journal-narrowed", file=name, was=f"{mode:04o}", now=f"{mode & ~bits:04o}")


def _take(lock: int, directory: int) -> None:
    if take(lock) and take_directory(directory):
        return
    cure = Text("give each gateway a directory of its own, or stop the other one")
    raise InUseError(_refused(_IN_USE, cure).faults)


def _no_directory() -> ConfigurationError:
    message = Message("journal-no-directory", "there is something of this name that is no directory")
    return _refused(message, Text("name another directory"))


def _refused(message: Message, cure: Text) -> ConfigurationError:
    return ConfigurationError((Fault(PLACE, message, cure),))


def fault(error: OSError) -> Fault:
    """Say in words why the journal cannot be opened."""
    reason = error.strerror or Text("an error of the operating system")
    message = Message("journal-not-opened", "the journal cannot be opened: {reason}", reason=reason)
    return Fault(PLACE, message, _CURES.get(error.errno or 0, NOTHING))
