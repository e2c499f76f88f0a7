"""Adapter: the files of a configuration, changed for a renewal, and the files of a key that is no longer used.

Owns which file has the keys of a profile, and where files of an old key go. Refuses to know how the text is changed
(`config.document.key_exchange`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from fla_gateway.config.document.file_replacement import replace_content
from fla_gateway.config.document.key_exchange import exchanged, finished, keys_of
from fla_gateway.config.rules.named_files import named_files
from fla_gateway.errors import GatewayError, reason_of
from fla_gateway.i18n.message import Text
from fla_gateway.profiles import key_sources
from fla_gateway.runtime.composition.resolved_config import Configured

ARCHIVE: Final = "archive"
_SUFFIXES: Final = (".pfx", ".pass", ".pem", ".cer", ".crt")
"""Of the files that `fla-gateway cert new` makes."""


class UnchangedError(GatewayError):
    """The configuration cannot be changed by this program.

    Attributes:
        reason: why not; a clause.
    """

    def __init__(self, reason: Text) -> None:
        super().__init__(reason)
        self.reason = reason


def exchange_keys(configured: Configured, profile: str) -> Path:
    """Exchange the keys of a profile in the file that has both, and return its path.

    Raises:
        UnchangedError: none has both, or it cannot be written.
    """
    paths = _change(configured, lambda text: exchanged(text, profile))
    if not paths:
        raise UnchangedError(Text("no file has both keys as values of the profile's own table"))
    return paths[0]


def take_out_next_key(configured: Configured, profile: str, key: str | None) -> list[Path]:
    """Take the next key out of the files that have it or its table, and return their paths.

    Args:
        configured: the configuration.
        profile: name of the profile.
        key: name of the key's table, or None if that stays.

    Raises:
        UnchangedError: one of them cannot be written.
    """
    paths = _change(configured, lambda text: finished(text, profile, key))
    if not paths:
        raise UnchangedError(Text("no file has it as a value of the profile's own table"))
    return paths


def lines_after_switch(configured: Configured, profile: str) -> tuple[Path, str] | None:
    """Return the file of the keys, and the two lines that it is to have instead."""
    for path in configured.settings.sources:
        keys = keys_of(configured.files.read(path).decode("utf-8"), profile)
        if keys is not None:
            return path, f"key = {keys[1]}\nnext_key = {keys[0]}"
    return None


class Archived(NamedTuple):
    """What became of a file.

    Attributes:
        path: of the file.
        place: where it is now; None where it stays.
        reason: why it stays.
    """

    path: Path
    place: Path | None
    reason: str = ""


def archive(configured: Configured, key: str) -> Iterator[Archived]:
    """Move the files of a key into folders `archive/` beside them, but for those that something else uses."""
    configuration = configured.settings.configuration
    # One file may be named in several ways.
    used = Counter(map(_real, named_files(configuration)))
    source = key_sources(configuration)[key]
    own = [it for it in (source.pkcs12, source.pem, source.certificate, source.password_file) if it is not None]
    of_key = Counter(map(_real, own))
    beside = [it.with_suffix(suffix) for it in own[:1] for suffix in _SUFFIXES]
    for path in dict.fromkeys((*own, *beside)):
        # Path.is_file raises where a folder may not be entered.
        if used[_real(path)] <= of_key[_real(path)] and os.path.isfile(path):  # noqa: PTH113 - see above
            yield _archived(path)


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _archived(path: Path) -> Archived:
    if path.is_symlink():
        return Archived(path, None, Text("it is a link, which would lead nowhere from there"))
    place = path.parent / ARCHIVE / path.name
    try:
        place.parent.mkdir(mode=0o700, exist_ok=True)
        if place.exists():
            return Archived(path, None, Text("a file of its name is in archive/ already"))
        path.rename(place)
    except OSError as error:
        return Archived(path, None, reason_of(error))
    return Archived(path, place)


def _change(configured: Configured, change: Callable[[str], str | None]) -> list[Path]:
    changed: list[Path] = []
    for path in configured.settings.sources:
        try:
            # As it was read with the configuration: two exchanges at the same time must not undo each other.
            before = configured.files.read(path)
            after = change(before.decode("utf-8"))
            if after is not None:
                replace_content(path, before, after.encode("utf-8"))
                changed.append(path)
        except (OSError, UnicodeDecodeError) as error:
            reason: str = Text("it is not UTF-8")
            if isinstance(error, OSError):
                reason = reason_of(error)
            raise UnchangedError(Text("{path} cannot be written: {reason}", path=path, reason=reason)) from error
    return changed
