"""Rule: what a refused configuration revokes, and is in force all the same.

Owns the reading of names from documents that nothing has judged. Refuses to know why they were refused. No value of a
configuration is in anything that is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fla_gateway.config.document.key_path import place
from fla_gateway.config.schema import Configuration


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
