"""Adapter: writes files that are new: all of them or none, none over another, closed to others from the first byte.

Owns modes and the order of the system calls. Refuses to know what the files contain.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Final

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def write_new(directory: Path, contents: Mapping[PurePath, bytes], public: Iterable[PurePath] = ()) -> None:
    """Write files below a directory, which is made if it is missing.

    Each is written whole under another name and then gets its own, so that no reader ever sees a part of it.

    Args:
        directory: of the files; closed to others if it is made here.
        contents: by path relative to it; folders are made.
        public: those of them that others may read.

    Raises:
        OSError: one of them exists (`FileExistsError`), or cannot be written; then none is there.
    """
    _make_directory(directory)
    open_to_others = frozenset(public)
    prepared: dict[Path, Path] = {}
    placed: list[Path] = []
    try:
        for name, content in contents.items():
            path = directory / name
            _make_directory(path.parent, 0o777)
            prepared[path] = _prepare(path, content, PUBLIC if name in open_to_others else PRIVATE)
        for path, temporary in prepared.items():
            _place(temporary, path)
            placed.append(path)
        for folder in {path.parent for path in prepared}:
            _sync_directory(folder)
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    finally:
        for temporary in prepared.values():
            temporary.unlink(missing_ok=True)


def _make_directory(directory: Path, mode: int = 0o700) -> None:
    try:
        directory.mkdir(mode=mode, parents=True, exist_ok=True)
    except FileExistsError:  # which would be taken for one of the new files
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory)) from None


def _prepare(path: Path, content: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _place(temporary: Path, path: Path) -> None:
    """Give a file its name; never that of another one.

    Raises:
        OSError: there is one of that name, or it cannot be had.
    """
    try:
        os.link(temporary, path)  # fails where a file is, which a rename would replace
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
        temporary.replace(path)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
