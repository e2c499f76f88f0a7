"""Rule: what changes from one configuration to another, and what of it needs more than a reload.

Owns the list of changes, the list of what a running process cannot change, and which changes open more than was open
before. Refuses to read files: whether the bytes of one differ is asked of a function that is passed in. No value of a
configuration is in anything that is returned.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_fields import table_fields
from fla_gateway.config.rules.listener_specs import OTHERS, ListenerSpec, admin_listener_spec, listener_specs
from fla_gateway.config.schema import OBSERVE, Audit, Configuration
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress, is_loopback
from fla_gateway.config.values.custody import Custody
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass

_RESTART: Final = Text("restart the gateway to change it, or take the change back")
_CONFINED: Final = Message(
    "directory-not-permitted",
    "Landlock does not let this process into that directory, which is not in the configuration of its start",
)
_Parts = tuple[str | int, ...]


class Change(NamedTuple):
    """One difference between two configurations.

    Attributes:
        path: the key, in the dotted notation of faults; for a file with other bytes, the key that names it.
        change: what became of it.
    """

    path: str
    change: Literal["added", "removed", "changed"]


class Difference(NamedTuple):
    """A file that the disk no longer has as it was read.

    Attributes:
        path: the file; for one that an `include` means now or no longer, its pattern.
        changed: when, in seconds since 1970.
    """

    path: Path
    changed: float


@dataclass(frozen=True, slots=True)
class ReloadState:
    """What became of the last reload, for metrics and status.

    Attributes:
        generation: number of the one that serves.
        successful: whether the last reload was applied; true before the first.
        last_success: when the configuration in force was applied, in seconds since 1970.
        faults: why the last reload was refused; none once one is applied.
        still_in_force: callers and keys that were removed or revoked in the configuration that was refused.
        differs: files that the disk no longer has as they were read.
    """

    generation: int
    successful: bool
    last_success: float
    faults: tuple[Fault, ...] = ()
    still_in_force: tuple[str, ...] = ()
    differs: tuple[Difference, ...] = ()


class Differs(NamedTuple):
    """What differs although the text of the configuration does not.

    Attributes:
        file: whether the bytes of a file do.
        variable: whether the value of an environment variable does.
    """

    file: Callable[[Path], bool]
    variable: Callable[[str], bool]


def changes(old: Configuration, new: Configuration, differs: Differs) -> tuple[Change, ...]:
    """List the differences, in the order of the schema and of the new file."""
    return tuple(Change(place(parts), change) for parts, change in _compare((), old, new, differs))


def _compare(
    parts: _Parts, old: object, new: object, differs: Differs
) -> Iterator[tuple[_Parts, Literal["added", "removed", "changed"]]]:
    if is_dataclass(old) and type(old) is type(new):
        for field in table_fields(type(old)):
            before, after = getattr(old, field.name), getattr(new, field.name)
            yield from _compare((*parts, field.key), before, after, differs)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*new, *old)):
            yield from _compare((*parts, key), old.get(key), new.get(key), differs)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(parts, old, new, differs)
    elif old == new:
        if (isinstance(new, Path) and differs.file(new)) or (
            isinstance(new, str) and parts[-1] == "password_env" and differs.variable(new)
        ):
            yield parts, "changed"
    else:
        yield parts, "added" if old is None else "removed" if new is None else "changed"


def _compare_lists(
    parts: _Parts, old: list[object], new: list[object], differs: Differs
) -> Iterator[tuple[_Parts, Literal["added", "removed", "changed"]]]:
    """Compare lists by what is in them: what follows a removed entry has not changed."""
    left = list(range(len(old)))
    fresh: list[int] = []
    for index, entry in enumerate(new):
        match = next((at for at in left if old[at] == entry), None)
        if match is None:
            fresh.append(index)
            continue
        left.remove(match)
        yield from _compare((*parts, index), old[match], entry, differs)
    if not left and not fresh and old != new:
        yield parts, "changed"
    for index in sorted({*left, *fresh}):
        if index in left and index in fresh:
            yield from _compare((*parts, index), old[index], new[index], differs)
        else:
            yield (*parts, index), "removed" if index in left else "added"


def restart_faults(started: Configuration, new: Configuration) -> tuple[Fault, ...]:
    """Name what a running process cannot change.

    Args:
        started: the configuration that the process was started with.
        new: the one that is to take over.
    """
    return tuple(Fault(where, message, _RESTART) for where, message in _fixed(started, new))


def _fixed(started: Configuration, new: Configuration) -> Iterator[tuple[str, Message]]:
    if _admin_socket(started) != _admin_socket(new):
        yield (
            "admin.listen",
            Message("restart-for-admin-listener", "the admin listener stays where it is while the gateway runs"),
        )
    if new.audit is not None:
        if started.audit is None:
            yield "audit", Message("restart-for-journal", "the journal is opened at the start")
        elif new.audit.path != started.audit.path:
            yield "audit.path", Message("restart-for-journal-path", "the journal stays where it was opened")
    if started.security.landlock != new.security.landlock:
        yield (
            "security.landlock",
            Message("restart-for-landlock", "the process confines itself at its start, and for good"),
        )


def _admin_socket(configuration: Configuration) -> tuple[object, ...]:
    door = admin_listener_spec(configuration)
    tls = door.listener.tls
    return door.address, door.mode, door.listener.group, tls is None, None if tls is None else tls.client_ca


def confinement_faults(files: Mapping[str, Path], allowed: Callable[[Path], bool]) -> tuple[Fault, ...]:
    """Name the files that a confined process may not read, since their directories were not in its first configuration.

    Args:
        files: those that the new configuration names, by their keys.
        allowed: whether the process may read a path.
    """
    return tuple(Fault(where, _CONFINED, _RESTART) for where, path in files.items() if not allowed(path))


def named_paths(configuration: Configuration) -> dict[str, Path]:
    """List the files that a configuration names, by their keys; the journal is none."""
    return {place(parts): path for parts, path in _paths((), configuration) if parts[0] != "audit"}


def _paths(parts: _Parts, value: object) -> Iterator[tuple[_Parts, Path]]:
    if isinstance(value, Path):
        yield parts, value
    elif is_dataclass(value):
        for field in table_fields(type(value)):
            yield from _paths((*parts, field.key), getattr(value, field.name))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _paths((*parts, key), one)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _paths((*parts, index), one)


def exposed_sources(sources: Iterable[Path], custody: Callable[[Path], Custody | None]) -> tuple[Fault, ...]:
    """Refuse the configuration's own files where other users may write them, or put others in their place.

    Args:
        sources: the files.
        custody: returns what was seen of a file when it was read.
    """
    found: list[Fault] = []
    for path in sources:
        seen = custody(path)
        if seen is None:
            continue
        if seen.mode & stat.S_IWOTH:
            message = Message("file-writable-by-others", "other users may write to it")
            found.append(Fault("", message, Text("chmod o-w {path}", path=str(path)), str(path)))
        for directory, mode in {**seen.passed, seen.directory: seen.directory_mode}.items():
            # In a directory with the sticky bit only the owner of a file, or of a link, can replace it.
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                message = Message("file-replaceable-by-others", "other users may put another file in its place")
                found.append(Fault("", message, Text("chmod o-w {path}", path=str(directory)), str(path)))
    return tuple(found)


class WrittenNames(NamedTuple):
    """What the files of a configuration name, whether it can be used or not.

    Attributes:
        callers: SHA-256 of the API keys of each caller, by its name.
        keys: names of signing keys.
    """

    callers: Mapping[str, frozenset[str]]
    keys: frozenset[str]


def names_of(documents: Iterable[Mapping[str, Any]]) -> WrittenNames:
    """Read the names out of documents that nothing has judged."""
    callers: dict[str, frozenset[str]] = {}
    keys: set[str] = set()
    for document in documents:
        for name, table in _table(document, "callers").items():
            entries = table.get("keys") if isinstance(table, dict) else None
            shown = [it.get("sha256") for it in entries if isinstance(it, dict)] if isinstance(entries, list) else []
            callers[name] = frozenset(it.lower() for it in shown if isinstance(it, str))
        keys |= _table(document, "keys").keys()
    return WrittenNames(callers, frozenset(keys))


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name)
    return table if isinstance(table, dict) else {}


def still_in_force(old: Configuration, written: WrittenNames | None) -> tuple[str, ...]:
    """Name the callers and keys that a refused configuration no longer has, and that are accepted or used all the same.

    Args:
        old: the configuration in force.
        written: what the refused one names; None where that cannot be read.
    """
    if written is None:
        return ()
    found: list[str] = []
    for name, caller in old.callers.items():
        if name not in written.callers:
            found.append(place(("callers", name)))
            continue
        left = written.callers[name]
        found += [place(("callers", name, "keys", at)) for at, it in enumerate(caller.keys) if it.sha256 not in left]
    found += [place(("keys", name)) for name in old.keys if name not in written.keys]
    return tuple(found)


def opens_more(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Name the keys by which more is open, or less is kept, than before: a file watch never applies those by itself.

    No callers are left, the journal or TLS is gone, a listener is wider, or a switch says so (`unsafe_*`, `anonymous`,
    `[admin] actions`). Or the journal keeps less: a number of days whose last digit is not written yet would remove
    years of it. Or a list of `allow` became `observe`.
    """
    return tuple(_opening(old, new))


def _opening(old: Configuration, new: Configuration) -> Iterator[str]:
    if old.callers and not new.callers:
        yield "callers"
    yield from _kept_less(old.audit, new.audit)
    yield from _opened_listeners(list(listener_specs(old)), list(listener_specs(new)))
    yield from _opened_switches(old, new)
    for name, profile in new.profiles.items():
        if profile.anonymous and not (name in old.profiles and old.profiles[name].anonymous):
            yield place(("profiles", name, "anonymous"))
    for name, caller in new.callers.items():
        before = old.callers[name].allow if name in old.callers else {}
        for allowed, entries in caller.allow.items():
            if entries[0].split(" ")[0] == OBSERVE and before.get(allowed) != entries:
                yield place(("callers", name, "allow", allowed))


def _opened_switches(old: Configuration, new: Configuration) -> Iterator[str]:
    for name in ("unsafe_allow_anonymous", "unsafe_cleartext"):
        if getattr(new.gateway, name) and not getattr(old.gateway, name):
            yield f"gateway.{name}"
    if new.admin.actions and not old.admin.actions:
        yield "admin.actions"
    if _mails_openly(new) and not _mails_openly(old):
        yield "alerts.mail.unsafe_cleartext"


def _mails_openly(configuration: Configuration) -> bool:
    alerts = configuration.alerts
    return alerts is not None and alerts.mail is not None and alerts.mail.unsafe_cleartext


def _kept_less(old: Audit | None, new: Audit | None) -> Iterator[str]:
    if old is None:
        return
    if new is None:
        yield "audit"
        return
    if new.retention_days < old.retention_days:
        yield "audit.retention_days"
    if new.on_failure == "continue" != old.on_failure:
        yield "audit.on_failure"


def _opened_listeners(old: list[ListenerSpec], new: list[ListenerSpec]) -> Iterator[str]:
    widest = max(map(_width, old), default=0)
    for door in new:
        before = next((it for it in old if it.address == door.address), None)
        if before is None:
            # Beyond loopback every further address is a further network.
            if _width(door) > min(widest, _LOOPBACK):
                yield door.place
            continue
        if before.listener.tls is not None and door.listener.tls is None:
            yield f"{door.place}.tls"
        if isinstance(door.address, UnixAddress) and (
            door.mode & ~before.mode or (door.mode & OTHERS and door.listener.group != before.listener.group)
        ):
            yield door.place


_LOOPBACK: Final = 2


def _width(door: ListenerSpec) -> int:
    """Return how many can connect: 0 the owner alone, 1 a group or all users of a socket, 2 this machine, 3 beyond."""
    if isinstance(door.address, TcpAddress):
        return _LOOPBACK if is_loopback(door.address) else _LOOPBACK + 1
    if isinstance(door.address, AbstractAddress):
        return _LOOPBACK
    return int(not door.is_private)
