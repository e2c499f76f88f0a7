"""Rule: what of a faulty document can still be judged.

Owns the choice of what is left out or stood in for, so that one spelling mistake does not hide the other faults of a
file. Refuses to judge; a salvaged document is never used for anything but finding more faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from fla_gateway.config.schema import EnvironmentTable, KeySource
from fla_gateway.config.sentences import key_names

Path = tuple[str | int, ...]

# What a profile must have, as values with which no rule finds fault.
_STAND_INS: Final[Mapping[str, Any]] = {
    "environment": "production",
    "client_id": "unset",
    "key": {"pem": "/unset"},
}
_OPTIONAL_BY_THEMSELVES: Final = frozenset({"gateway", "admin", "log"})
_KNOWN: Final = {"keys": key_names(KeySource), "environments": key_names(EnvironmentTable)}


def salvage(document: Mapping[str, Any], faulty: Iterable[Path]) -> dict[str, Any]:
    """Copy a document so that it fits the schema.

    Args:
        document: what the schema refused.
        faulty: where the schema, or a step before it, found fault.
    """
    rest = deepcopy(dict(document))
    lost: set[Path] = set()
    for path in faulty:
        match path:
            case ("profiles", name, key, *_):
                _mend(rest["profiles"].get(name), str(key))
            case ("keys" | "environments" as top, name, key, *_) if key not in _KNOWN[top]:
                _forget(rest[top].get(name), key)
            case ("keys" | "environments" | "profiles" as top, name, *_):
                _forget(rest[top], name)
                lost.add((top, name))
            case (top, key, *_) if top in _OPTIONAL_BY_THEMSELVES and isinstance(rest.get(top), dict):
                _forget(rest[top], key)
            case (top, *_):
                _forget(rest, top)
                lost.add((top,))
    for profile in rest.get("profiles", {}).values():
        _detach(profile, lost)
    return rest


def _forget(table: Any, key: str | int) -> None:
    if isinstance(table, dict):
        table.pop(key, None)


def _mend(profile: Any, key: str) -> None:
    if not isinstance(profile, dict):
        return  # its name was faulty too, and it is gone
    if key in _STAND_INS:
        profile[key] = _STAND_INS[key]
    else:
        profile.pop(key, None)


def _detach(profile: dict[str, Any], lost: set[Path]) -> None:
    """Let a profile use nothing that was left out: that it is faulty has been said."""
    for key, table in (("environment", "environments"), ("key", "keys")):
        if isinstance(profile[key], str) and {(table,), (table, profile[key])} & lost:
            profile[key] = _STAND_INS[key]
