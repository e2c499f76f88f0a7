"""Rule: what of a new configuration a running process cannot follow without a restart.

Owns the list of what stays for the life of a process. Refuses to ask the kernel: which paths Landlock allows is
returned by a function that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Final

from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_fields import table_fields
from fla_gateway.config.rules.listener_specs import admin_listener_spec
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text

_RESTART: Final = Text("restart the gateway to change it, or take the change back")
_CONFINED: Final = Message(
    "directory-not-permitted",
    "Landlock does not let this process into that directory, which is not in the configuration of its start",
)
_Parts = tuple[str | int, ...]


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
