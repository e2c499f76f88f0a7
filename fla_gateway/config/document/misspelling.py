"""Rule: keys that are misspelt, and the document as it was meant.

Owns the choice of unknown keys that are moved to where the nearest known one is not yet, so that what follows from the
spelling mistake alone is not reported as a fault of its own, and what is in a mistyped table is judged. Refuses to
judge; a document that was changed here is never used for anything but finding faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_check import Misfit
from fla_gateway.config.document.schema_errors import meant_key

Place = tuple[str | int, ...]

_ABSENT: Final = object()


class Misspelling(NamedTuple):
    """A key that the schema does not know.

    Attributes:
        table: path of the table that it is in.
        written: the key.
        meant: the known key that is nearest to it.
    """

    table: Place
    written: str
    meant: str


def misspellings(misfits: Iterable[Misfit], document: Mapping[str, Any]) -> tuple[Misspelling, ...]:
    """Choose the unknown keys for which the meant one is free, or of which both are tables.

    Args:
        misfits: of a check of the document.
        document: what was checked.
    """
    found: dict[tuple[Place, str], Misspelling] = {}
    for misfit in misfits:
        if misfit.kind != "unknown_key":
            continue
        *table, written = misfit.path
        meant = meant_key(misfit.path)
        there = _at(document, table)
        if meant and isinstance(there, dict) and _may_move(there, str(written), meant):
            found.setdefault((tuple(table), meant), Misspelling(tuple(table), str(written), meant))
    return tuple(found.values())


class AsWritten:
    """The places of a document that are written elsewhere than they are meant."""

    def __init__(self) -> None:
        self._moved: dict[str, str] = {}
        self._values: set[str] = set()

    def move(self, document: dict[str, Any], misspelling: Misspelling) -> bool:
        """Move what is under a misspelt key to the meant one; return whether the document has it."""
        table, written, meant = misspelling
        there = _at(document, table)
        if not isinstance(there, dict) or written not in there:
            return False
        value = there.pop(written)
        for deeper, one in _joined(there, meant, value):
            at = place((*table, meant, *deeper))
            self._moved[at] = self.path(place((*table, written, *deeper)))
            if not isinstance(one, dict):
                self._values.add(at)
        return True

    def is_doubtful(self, meant: str) -> bool:
        """Whether a value that does not fit there may have been written for another key than the one that is meant."""
        return any(_is_within(meant, it) for it in self._values)

    def path(self, meant: str) -> str:
        """Return where the key with a path is written."""
        for moved, written in self._moved.items():
            if _is_within(meant, moved):
                return written + meant[len(moved) :]
        return meant


def _is_within(path: str, place: str) -> bool:
    return path.startswith(place) and path[len(place) : len(place) + 1] in {"", ".", "["}


def _at(document: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return document


def _may_move(table: Mapping[str, Any], written: str, meant: str) -> bool:
    there = table.get(meant, _ABSENT)
    return there is _ABSENT or (isinstance(there, dict) and isinstance(table.get(written), dict))


def _joined(table: dict[str, Any], key: str, value: Any) -> Iterator[tuple[Place, Any]]:
    """Put a value into a table, below what is there already; yield what is new, with its path under the key."""
    there = table.setdefault(key, value)
    if there is value:
        yield (), value
    elif isinstance(there, dict) and isinstance(value, dict):
        for name, one in value.items():
            for deeper, new in _joined(there, name, one):
                yield (name, *deeper), new
