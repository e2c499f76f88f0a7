"""Rule: what the schema says of a place in a document.

Owns the way from a path of keys to the table and the type that the schema has there, and the list of all tables.
Refuses to know documents and values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from fla_gateway.config.document.schema_fields import table_fields
from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.schema import Configuration
from fla_gateway.i18n.message import Text

Place = tuple[str | int, ...]


def key_names(model: type) -> frozenset[str]:
    """List the keys of a table as they are written in a file."""
    return frozenset(field.key for field in table_fields(model))


@cache
def tables() -> dict[str, type]:
    """List every table of the schema by the head under which it is.

    For example ``[profiles.NAME]``, or ``[[callers.NAME.keys]]`` for an entry of a list. The same table may be under
    several heads; the first is the one that comes first in the schema.
    """
    return dict(_walk(Configuration, Text("the top of the file"), ""))


def table_at(place: Place) -> type | None:
    """Return the table that the schema has at a place, also where a short form of it may be; or None."""
    model: type | None = Configuration
    parts = iter(place)
    for part in parts:
        key = _key(model, part)
        # Of several tables, the next part is the name of one, or its position.
        if key.several and next(parts, None) is None:
            return None
        model = key.table
    return model


def is_address(place: Place) -> bool:
    """Whether a text at this place is an address to listen on: an entry of `listen`, or the `values.address` of one."""
    return table_at(place) is Listener or (place[-1:] == ("address",) and table_at(place[:-1]) is Listener)


def is_file(place: Place) -> bool:
    """Whether a text at this place is the path of a file or directory."""
    return bool(place) and _key(table_at(place[:-1]), place[-1]).file


class _Key(NamedTuple):
    """What the schema says of a key of a table; nothing at all of one that it does not know."""

    several: bool = False
    table: type | None = None
    file: bool = False


@lru_cache(1024)
def _key(model: type | None, key: str | int) -> _Key:
    for field in table_fields(model) if model else ():
        if field.key == key:
            annotation = field.kind
            return _Key(get_origin(annotation) in {dict, list}, _table_in(annotation), Path in _parts(annotation))
    return _Key()


def _walk(model: type, head: str, prefix: str) -> Iterator[tuple[str, type]]:
    yield head, model
    for field in table_fields(model):
        inner = _table_in(field.kind)
        if inner is None:
            continue
        path = f"{prefix}{field.key}"
        match get_origin(field.kind):
            case origin if origin is dict:
                yield from _walk(inner, f"[{path}.NAME]", f"{path}.NAME.")
            case origin if origin is list:
                yield from _walk(inner, f"[[{path}]]", f"{path}.")
            case _:
                yield from _walk(inner, f"[{path}]", f"{path}.")


def _table_in(annotation: Any) -> type | None:
    found = (part for part in _parts(annotation) if isinstance(part, type) and is_dataclass(part))
    return next(found, None)


def _parts(annotation: Any) -> tuple[Any, ...]:
    """Take a type apart, down to the types that have no arguments."""
    arguments = get_args(annotation)
    return tuple(part for argument in arguments for part in _parts(argument)) if arguments else (annotation,)
