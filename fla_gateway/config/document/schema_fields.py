"""Rule: the fields of a table of the schema.

Owns the reading of a dataclass: names, keys as they are written in a file, types. Refuses to know the schema's tables
and any value.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from fla_gateway.config.values.constraints import KEY


class TableField(NamedTuple):
    """A key of a table.

    Attributes:
        name: of the attribute.
        key: as it is written in a file.
        hint: its type, with what is annotated to it.
        required: whether it has no default.
        default: what it is where a file does not have it.
    """

    name: str
    key: str
    hint: Any
    required: bool
    default: Any

    @property
    def kind(self) -> Any:
        """Its type without what is annotated to the whole of it."""
        return get_args(self.hint)[0] if get_origin(self.hint) is Annotated else self.hint


def table_fields(table: Any) -> tuple[TableField, ...]:
    """List the keys of a table, a dataclass, in the schema's order."""
    return _read(table)


@cache
def _read(table: Any) -> tuple[TableField, ...]:
    hints = get_type_hints(table, include_extras=True)
    return tuple(
        TableField(
            name=it.name,
            key=it.metadata.get(KEY, it.name),
            hint=hints[it.name],
            required=it.default is MISSING and it.default_factory is MISSING,
            default=it.default if it.default_factory is MISSING else it.default_factory(),
        )
        for it in fields(table)
    )
