"""Adapter: every file of a configuration, read once, and whether the disk still has what was read.

Owns the bytes until they are forgotten, and what each file was recognised by when it was read: where links lead,
device, inode, size and time of the last change. Refuses to know what a file contains, and what follows from a
difference.

A configuration is many files, and they are replaced while they are read: by an editor, by certbot, by the kubelet that
swaps one link. Nothing locks them, so all are read first and then compared with the disk, before any of them is used.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Hashable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from fla_gateway.clock import Clock, SystemClock
from fla_gateway.config.document.file_identity import (
    Identity,
    Links,
    NoRegularFileError,
    SilentPipeError,
    digest_of,
    failure_of,
    identity_of,
    read_bytes,
)
from fla_gateway.config.values.custody import Custody
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass

_TICK: Final = 2.0
"""Seconds within which a second change may leave the time of the first one: the step of the coarsest file system."""
_NANOSECONDS: Final = 1_000_000_000


class ChangedFileError(OSError):
    """The file is not the one that was read with the configuration."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.ESTALE, Text("it has changed since the configuration was read"), name)


@dataclass(slots=True, repr=False)
class _File:
    """What was seen of a file.

    Attributes:
        identity: None where there is no regular file: a pipe can be read once, and compared with nothing.
        failure: the system's error number where it could not be read.
        digest: SHA-256 of its bytes; empty where it could not be read.
        owner: user id.
        mode: permission bits.
        place: where it really is.
        passed: folders of the links that lead there.
        fresh: whether it had been changed so shortly before that a further change may not show in its time.
    """

    identity: Identity | None = None
    failure: int = 0
    digest: bytes = b""
    owner: int = 0
    mode: int = 0
    place: str = ""
    passed: tuple[str, ...] = ()
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class _Listing:
    pattern: str
    base: Path
    found: tuple[Path, ...]


class FileSnapshot:
    """The files of one configuration, each read once."""

    def __init__(self, clock: Clock | None = None, *, pipes: bool = True) -> None:
        """Begin with nothing.

        Args:
            clock: says how old the last change of a file is; the host's by default.
            pipes: whether a pipe or a device is read, and waited for.
        """
        self._clock = clock or SystemClock()
        self._pipes = pipes
        self._files: dict[str, _File] = {}
        self._contents: dict[str, bytes] = {}
        self._listings: list[_Listing] = []
        self._modes: dict[str, int] = {}
        self._directories: dict[str, Path] = {}
        self._links = Links()

    def __repr__(self) -> str:
        return f"<FileSnapshot of {len(self._files)} files>"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in the order in which they were read; those that could not be read among them."""
        return tuple(map(Path, self._files))

    def read(self, path: Path) -> bytes:
        """Give the bytes that a file had when it was read first.

        After `forget` they are read again, and are the same or none.

        Raises:
            OSError: it cannot be read, or could not be read then, or is another one now.
            ValueError: the path cannot be one.
        """
        name = str(path)
        kept = self._contents.get(name)
        if kept is not None:
            return kept
        known = self._files.get(name)
        if known is not None:
            return _read_again(name, known, pipes=self._pipes)
        try:
            content = self._read_first(name)
        except OSError as error:
            self._files[name] = _File(failure=error.errno or errno.EIO)
            raise
        self._contents[name] = content
        return content

    def read_ahead(self, paths: Iterable[Path]) -> None:
        """Read regular files now that will be used later; one that cannot be read is a fault where it is used.

        What is no regular file is left for its use: a pipe may have nothing to say for long.
        """
        for path in paths:
            try:
                if str(path) not in self._files and stat.S_ISREG(path.stat().st_mode):
                    self.read(path)
            except OSError as error:
                self._files.setdefault(str(path), _File(failure=error.errno or errno.EIO))
            except ValueError:
                # No possible path: a fault where it is used.
                continue

    def listing(self, pattern: str, base: Path) -> tuple[Path, ...]:
        """Find the files that a pattern means, in the order of their names, and remember which they were.

        Args:
            pattern: with ``*``, ``?`` and ``**``; relative to `base` or absolute.
            base: directory of the file that has the pattern.
        """
        found = _matching(pattern, base)
        self._listings.append(_Listing(pattern, base, found))
        return found

    def forget(self) -> None:
        """Let go of the bytes: those of keys and passwords are not kept for longer than they are used."""
        self._contents.clear()

    def sha256(self, path: Path) -> bytes:
        """Give the digest of a file's bytes; empty where it could not be read, or was not."""
        known = self._files.get(str(path))
        return b"" if known is None else known.digest

    def custody(self, path: Path) -> Custody | None:
        """Say who had power over a file when it was read; None where it was not, or the system does not say."""
        known = self._files.get(str(path))
        # Windows has no such bits; what Python shows there says nothing about who may read.
        if known is None or not known.place or os.name != "posix":
            return None
        name = _directory_of(known.place)
        directory = self._directories.get(name) or self._directories.setdefault(name, Path(name))
        passed = {Path(it): self._modes[it] for it in known.passed}
        return Custody(known.owner, known.mode, directory, self._modes[name], os.geteuid(), passed)

    def is_current(self, path: Path) -> bool:
        """Return whether the disk has a file as it was read."""
        known = self._files.get(str(path))
        return known is not None and self._now(str(path), known, Links()) is None

    def changed(self) -> tuple[Path, ...]:
        """Name the files that the disk no longer has as they were read; for a changed listing, its pattern."""
        return tuple(self.changes())

    def changes(self) -> dict[Path, Hashable]:
        """Give what the disk has instead of what was read, by file; for a changed listing, by its pattern.

        Returns:
            Values that are equal as long as nothing changes further, and say nothing else.
        """
        links = Links()
        seen = {name: self._now(name, known, links) for name, known in tuple(self._files.items())}
        found: dict[Path, Hashable] = {Path(name): state for name, state in seen.items() if state is not None}
        for one in self._listings:
            now = _matching(one.pattern, one.base)
            if now != one.found:
                found[one.base / one.pattern] = now
        return found

    def unrest(self, seconds: float) -> float:
        """Return how long to wait until the last change of each file is so many seconds ago; 0 if it is."""
        now = self._clock.wall()
        ages = (now - it.identity.changed / _NANOSECONDS for it in self._files.values() if it.identity is not None)
        # A time that is further ahead than that says nothing: the clocks of two machines differ.
        return max((seconds - age for age in ages if -seconds < age < seconds), default=0.0)

    def changed_at(self, path: Path) -> float | None:
        """Return the time of a changed file, in seconds since 1970; None where it is older than what was read."""
        known = self._files.get(str(path))
        try:
            seen = path.stat()
        except (OSError, ValueError):
            return None
        if known is None or known.identity is None or seen.st_mtime_ns <= known.identity.changed:
            return None
        return seen.st_mtime

    def differing(self) -> tuple[Path, ...]:
        """Name the changed files with other bytes than those that were read.

        A file that was only touched, or put there anew with the same bytes, is known by its new identity from then on.
        """
        return tuple(path for path in self.changed() if not self._is_same(str(path)))

    def _read_first(self, name: str) -> bytes:
        content, seen = read_bytes(name, pipes=self._pipes)
        place, passed = self._links.trace(name)
        for directory in (_directory_of(place), *passed):
            if directory not in self._modes:
                self._modes[directory] = stat.S_IMODE(Path(directory).stat().st_mode)
        known = _File(None, 0, sha256(content).digest(), seen.st_uid, stat.S_IMODE(seen.st_mode), place, passed)
        if stat.S_ISREG(seen.st_mode):
            known.identity = identity_of(seen, place)
            known.fresh = abs(self._clock.wall() - seen.st_mtime) < _TICK
        self._files[name] = known
        return content

    def _now(self, name: str, known: _File, links: Links) -> Hashable:
        """Give what the disk has of a file if that is not what was read, else None."""
        if known.failure:
            failure = failure_of(name, pipes=self._pipes)
            return None if failure == known.failure else failure
        if known.identity is None:
            return None
        try:
            identity = identity_of(os.stat(name), links.follow(name))  # noqa: PTH116 - as for links
        except OSError as error:
            return error.errno or errno.EIO
        if identity != known.identity:
            return identity
        if not known.fresh:
            return None
        # Asked before its bytes are read: what changes them later shows in its time, if that is old by now.
        fresh = abs(self._clock.wall() - known.identity.changed / _NANOSECONDS) < _TICK
        digest = digest_of(name)
        if digest != known.digest:
            return digest
        known.fresh = fresh
        return None

    def _is_same(self, name: str) -> bool:
        known = self._files.get(name)
        if known is None or known.identity is None:
            return False
        try:
            identity = identity_of(os.stat(name), Links().follow(name))  # noqa: PTH116 - as above
        except OSError:
            return False
        if digest_of(name) != known.digest:
            return False
        known.identity, known.fresh = identity, True
        return True


def _directory_of(place: str) -> str:
    return place.rpartition("/")[0] or "/"


def _read_again(name: str, known: _File, *, pipes: bool) -> bytes:
    if known.failure == errno.ESPIPE:
        raise NoRegularFileError(name)
    if known.failure == errno.ETIMEDOUT:
        raise SilentPipeError(name)
    if known.failure:
        raise OSError(known.failure, os.strerror(known.failure), name)
    content, _ = read_bytes(name, pipes=pipes)
    if sha256(content).digest() != known.digest:
        raise ChangedFileError(name)
    return content


def _matching(pattern: str, base: Path) -> tuple[Path, ...]:
    found = glob.glob(pattern, root_dir=base, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
    return tuple(sorted(base / name for name in found))
