"""Rule: the documents of several files become one document.

Owns what may be spread over files and what may not: tables join, but no name and no value is written twice. Refuses
to know files beyond their labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fla_gateway.config.document.key_path import Origins, place
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text

# Tables whose entries may come from several files; every other table belongs to one file as a whole.
_JOINING: Final = frozenset(
    {
        ("gateway",),
        ("gateway", "timeouts"),
        ("gateway", "pool"),
        ("admin",),
        ("egress",),
        ("log",),
        ("audit",),
        ("security",),
        ("kubernetes",),
        ("tracing",),
        ("keys",),
        ("environments",),
        ("profiles",),
        ("callers",),
    }
)


def merge(
    whole: dict[str, Any], part: dict[str, Any], label: str, origins: Origins, path: tuple[str, ...] = ()
) -> Iterator[Fault]:
    """Join the document of one more file into the whole, and yield what is written twice.

    Args:
        whole: what the files before it said; changed in place.
        part: what this file says.
        label: how faults call this file.
        origins: records each key that this file brought.
        path: where `whole` and `part` are; the root by default.
    """
    for key, value in part.items():
        here = (*path, key)
        where = place(here)
        joins = here in _JOINING and isinstance(value, dict)
        if key not in whole:
            origins.remember(where, label)
            whole[key] = {} if joins else value
            if not joins:
                continue
        if joins and isinstance(whole[key], dict):
            yield from merge(whole[key], value, label, origins, here)
        else:
            message = Message(
                "written-in-two-files",
                "is written twice, in {first} and in {second}",
                first=origins.label(where),
                second=label,
            )
            yield Fault(where, message, Text("keep one of the two"), label)
