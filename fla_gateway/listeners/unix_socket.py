"""Adapter: creates and removes a Unix socket's file with the configured mode and group.

Owns the file: its permissions, what may exist in its place already, and which gateway it belongs to at the end. Refuses
to take a socket away from a program that still answers there, and to touch a file of any other kind.
"""

from __future__ import annotations

import errno
import grp
import os
import socket
import stat
from pathlib import Path
from typing import Final, NamedTuple

from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

DEFAULT_MODE: Final = 0o600
_PROBE_SECONDS: Final = 0.5


class FileIdentity(NamedTuple):
    """What stays the same for as long as a file exists, even if its path names another file later.

    Attributes:
        device: of its file system.
        inode: on that file system; not given to another file while a socket is bound to this one.
    """

    device: int
    inode: int


def bind_file(path: Path, mode: int, group: str | None, place: str) -> socket.socket:
    """Bind a socket to a path; no peer can connect before `listen`, which is left to the calling code.

    Args:
        path: where its file is created.
        mode: of the file.
        group: name or number of the file's group; None leaves it to the system.
        place: of the listener in the configuration, for the faults.

    Raises:
        ConfigurationError: directory, group or mode cannot be as required.
        OSError: the path cannot be bound.
    """
    gid = None if group is None else _gid(group, place)
    _refuse_open_directory(path, place)
    _make_way(path, place)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Never wider than configured, not for a moment: created with the owner's bits alone, then its group, then its mode.
    mask = os.umask(0o777 & ~(mode & 0o700))
    try:
        sock.bind(str(path))
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(mask)
    try:
        _hand_over(path, mode, gid, place)
    except BaseException:
        path.unlink()
        sock.close()
        raise
    return sock


def change_mode(path: Path, mode: int, group: str | None, place: str) -> None:
    """Give the file of a socket that listens already another mode and group; never wider than either meanwhile.

    Args:
        path: of the socket.
        mode: as for `bind_file`.
        group: as for `bind_file`.
        place: as for `bind_file`.

    Raises:
        ConfigurationError: as `bind_file`; nothing has become wider then.
        OSError: the file is gone.
    """
    gid = os.getegid() if group is None else _gid(group, place)
    path.chmod(mode & 0o700)
    _hand_over(path, mode, gid, place)


def foreseen(path: Path, group: str | None, place: str) -> Fault | None:
    """Return why `bind_file` would fail, without creating or changing anything; None if no reason is found.

    An existing socket is no reason: a running gateway listens on it.

    Args:
        path: where the socket would be.
        group: name that the file would belong to; None for that of the process.
        place: of the listener in the configuration, for the fault.
    """
    try:
        if group is not None:
            _gid(group, place)
        _refuse_open_directory(path, place)
        _refuse_other_kinds(path, place)
    except ConfigurationError as error:
        return error.faults[0]
    except OSError as error:
        message = Message(
            "cannot-listen",
            "cannot listen on {address}: {reason}",
            address=f"unix:{path}",
            reason=os.strerror(error.errno or 0),
        )
        cure = Text("{directory} must be a directory that the gateway can write to", directory=str(path.parent))
        return Fault(place, message, cure)
    return None


def identity(path: Path) -> FileIdentity | None:
    """Return which file a path names now; None if there is none. A link is not followed."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return FileIdentity(found.st_dev, found.st_ino)


def _gid(group: str, place: str) -> int:
    if group.isascii() and group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        message = Message("group-unknown", "there is no group '{group}' on this machine", group=group)
        fault = Fault(f"{place}.group", message, Text("name it by its number"))
        raise ConfigurationError((fault,)) from None


def _refuse_open_directory(path: Path, place: str) -> None:
    """Refuse a directory in which any user can replace the socket, and so read what callers send."""
    mode = path.parent.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        directory = str(path.parent)
        message = Message(
            "socket-replaceable",
            "every user may write to {directory}, and so put another socket in the place of this one",
            directory=directory,
        )
        cure = Text("chmod o-w {directory}, or choose another directory", directory=directory)
        raise ConfigurationError((Fault(place, message, cure),))


def _make_way(path: Path, place: str) -> None:
    """Remove the socket of a gateway that was killed: connections to it are refused. Anything else is left alone."""
    found = identity(path)
    if found is None:
        return
    _refuse_other_kinds(path, place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        refused = probe.connect_ex(str(path)) == errno.ECONNREFUSED
    # Still the same file? Another gateway that starts at this moment may have replaced it, and listens there already.
    if refused and identity(path) == found:
        path.unlink()


def _refuse_other_kinds(path: Path, place: str) -> None:
    if identity(path) is not None and not stat.S_ISSOCK(path.lstat().st_mode):
        message = Message("not-a-socket", "{path} exists and is no socket, so it is left alone", path=str(path))
        raise ConfigurationError((Fault(place, message, Text("remove it yourself, or choose another path")),))


def _hand_over(path: Path, mode: int, gid: int | None, place: str) -> None:
    try:
        if gid is not None:
            os.chown(path, -1, gid, follow_symlinks=False)
    except PermissionError:
        message = Message("group-not-permitted", "the socket may not be given to group {gid}", gid=str(gid))
        fault = Fault(f"{place}.group", message, Text("make the user that runs the gateway a member of the group"))
        raise ConfigurationError((fault,)) from None
    path.chmod(mode)
