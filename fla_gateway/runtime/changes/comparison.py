"""Rule: what changes from one configuration to another.

Owns the list of changes. Refuses to read files: whether the bytes of one differ is asked of a function that is passed
in. No value of a configuration is in anything that is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_fields import table_fields
from fla_gateway.config.schema import Configuration

_Parts = tuple[str | int, ...]


class Change(NamedTuple):
    """One difference between two configurations.

    Attributes:
        path: the key, in the dotted notation of faults; for a file with other bytes, the key that names it.
        change: what became of it.
    """

    path: str
    change: Literal["added", "removed", "changed"]


class Differs(NamedTuple):
    """What differs although the text of the configuration does not.

    Attributes:
        file: whether the bytes of a file do.
        variable: whether the value of an environment variable does.
    """

    file: Callable[[Path], bool]
    variable: Callable[[str], bool]


def changes(old: Configuration, new: Configuration, differs: Differs) -> tuple[Change, ...]:
    """List the differences, in the order of the schema and of the new file.

    Args:
        old: what is in force.
        new: what is to follow it.
        differs: asked about each file and variable that both name alike.
    """
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
