"""Rule: which files a configuration names.

Owns the search through its tables, and which of the files belong to the configuration. Refuses to know what the files
are for, and to touch the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from fla_gateway.config.schema import Configuration, Kubernetes

_NO_FILES: Final = (str, int, float, type(None))
"""The most frequent kinds."""


def named_files(configuration: Configuration) -> Iterator[Path]:
    """Find every file that a configuration names, whatever the key; the journal is a directory."""
    for table in _tables(configuration):
        yield from files_of(table)
    if configuration.kubernetes is not None:
        yield from files_of(configuration.kubernetes)


def lasting_files(configuration: Configuration) -> Iterator[Path]:
    """Find the named files that belong to the configuration: they are read with it, and a change is applied with it.

    Of `[kubernetes]` only the roots do: the set and the token are read again and again while the gateway runs, since
    the cluster replaces both.
    """
    for table in _tables(configuration):
        yield from files_of(table)
    if configuration.kubernetes is not None and configuration.kubernetes.ca_file is not None:
        yield configuration.kubernetes.ca_file


def _tables(configuration: Configuration) -> Iterator[object]:
    for field in fields(configuration):
        value = getattr(configuration, field.name)
        if field.name != "audit" and not isinstance(value, Kubernetes):
            yield value


def files_of(value: object) -> Iterator[Path]:
    """Find the files that a table names, or what is in it."""
    if isinstance(value, Path):
        yield value
    elif is_dataclass(value):
        kind: Any = type(value)
        for name in _names(kind):
            one = getattr(value, name)
            if not isinstance(one, _NO_FILES):
                yield from files_of(one)
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from files_of(one)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
