"""Adapter: makes the kernel confine the process to the files that it needs (Landlock, Linux 5.13 or newer).

Owns the rights that the kernel knows in its versions. Refuses to know which files are needed
(`composition.landlock_paths`). What is denied here stays denied for good, also to every thread that is started later;
so it comes before the first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog

from fla_gateway.errors import ConfigurationError, Fault, reason_of
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.system.syscalls import prctl, syscall

_LOG = structlog.get_logger()
_PLACE: Final = "security.landlock"

# The same numbers on every architecture of Linux but Alpha (uapi/asm-generic/unistd.h).
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38

# uapi/linux/landlock.h
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_REMOVE_FILE: Final = 1 << 5
_MAKE_REG: Final = 1 << 8
_MAKE_SOCK: Final = 1 << 9
_TRUNCATE: Final = 1 << 14
_OF_FILES: Final = 1 | _WRITE_FILE | _READ_FILE | _TRUNCATE | 1 << 15
"""Rights that a rule for a file may name: execute, write, read, truncate, ioctl of a device."""

_READ: Final = _READ_FILE | _READ_DIR
_WRITE: Final = _READ | _WRITE_FILE | _TRUNCATE | _MAKE_REG | _REMOVE_FILE
_SOCKETS: Final = _READ_DIR | _MAKE_SOCK | _REMOVE_FILE
_DEVICE: Final = _READ_FILE | _WRITE_FILE
_SIGNALS: Final = 1 << 1
"""Scope: signals go to this process alone."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The files that a confined process may access; a directory includes everything in it.

    Attributes:
        read: files and directories to read.
        write: directories in which files are made, written, renamed and removed.
        sockets: directories in which unix sockets are made and removed.
        devices: files to read and write.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    sockets: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = (Path(os.devnull),)


def confine(paths: Paths) -> int:
    """Give up every right to files but those named here. What is open already stays open.

    Executing programs and sending signals to others are given up as well. A directory to write to that does not exist
    is made, mode 0700, since only what exists can be named; any other path that does not exist is skipped.

    Returns:
        The version of the kernel's interface; what a version does not know, it cannot deny: truncating a file (before
        3), ioctl on devices (before 5), signals (before 6).

    Raises:
        ConfigurationError: the kernel cannot, or a thread runs already that would not be confined.
    """
    _refuse_threads()
    try:
        version = syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError as error:
        message = Message("landlock-missing", "this kernel has no Landlock: {reason}", reason=reason_of(error))
        cure = Text("use Linux 5.13 or newer with landlock among its security modules, or remove landlock = true")
        raise ConfigurationError((Fault(_PLACE, message, cure),)) from None
    try:
        _restrict(paths, version)
    except OSError as error:
        message = Message(
            "landlock-refused",
            "the kernel refuses to confine the process: {reason}",
            reason=reason_of(error),
        )
        raise ConfigurationError((Fault(_PLACE, message, Text("remove landlock = true")),)) from None
    _LOG.info("landlock", version=version, read=len(paths.read), write=len(paths.write))
    return version


def _refuse_threads() -> None:
    try:
        number = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - only their number counts
    except OSError:
        return  # without /proc, and in all likelihood without Landlock: the system call will fail
    if number > 1:
        message = Message(
            "landlock-too-late", "{threads} other threads run already, and would not be confined", threads=number - 1
        )
        raise ConfigurationError((Fault(_PLACE, message, Text("please report this")),))


def _handled(version: int) -> int:
    """Return the rights that a version of the kernel can deny."""
    newest = {1: 12, 2: 13, 3: 14, 4: 14}.get(version, 15)
    return (1 << newest + 1) - 1


def _restrict(paths: Paths, version: int) -> None:
    import ctypes  # noqa: PLC0415 - only where it is asked for

    handled = _handled(version)
    # struct landlock_ruleset_attr: files, network (from 4), scopes (from 6).
    members = (handled, 0, _SIGNALS)[: 1 if version < 4 else 2 if version < 6 else 3]  # noqa: PLR2004 - versions
    attributes = (ctypes.c_uint64 * len(members))(*members)
    ruleset = syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    try:
        for path in paths.write:
            _make(path)
        for rights, group in (
            (_READ, paths.read),
            (_WRITE, paths.write),
            (_SOCKETS, paths.sockets),
            (_DEVICE, paths.devices),
        ):
            _allow(ruleset, group, rights & handled)
        prctl(_PR_SET_NO_NEW_PRIVS, 1)
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _make(path: Path) -> None:
    try:
        path.mkdir(mode=0o700)
    except OSError:
        # It exists, or the component that writes there will report why it cannot.
        return


def _allow(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    import ctypes  # noqa: PLC0415 - as above

    class PathBeneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))

    for path in paths:
        try:
            found = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            meant = rights if stat.S_ISDIR(os.fstat(found).st_mode) else rights & _OF_FILES
            rule = PathBeneath(meant, found)
            syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
        finally:
            os.close(found)
