"""Rule: what of a faulty document can still be judged.

Owns the choice of what is left out or replaced, so that one spelling mistake does not hide the other faults of a
file. Refuses to judge; a salvaged document is never used for anything but finding more faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from fla_gateway.config.document.schema_paths import key_names
from fla_gateway.config.schema import CallerTable, EnvironmentTable, KeySource, Kubernetes

Path = tuple[str | int, ...]

# What a profile must have, as values with which no rule finds fault.
_STAND_INS: Final[Mapping[str, Any]] = {
    "environment": "acceptance",
    "client_id": "unset",
    "key": {"pem": "/unset"},
    "anonymous": True,
}
_KUBERNETES: Final[Mapping[str, Any]] = {"issuer": "unset", "audience": "unset", "jwks_file": "/unset"}
_UNSET: Final = "unset"
_RULES: Final = ("GET /REST/**",)

_OPTIONAL_BY_THEMSELVES: Final = frozenset({"gateway", "admin", "log", "security"})
_KNOWN: Final = {
    "keys": key_names(KeySource),
    "environments": key_names(EnvironmentTable),
    "callers": key_names(CallerTable),
    "kubernetes": key_names(Kubernetes),
}


def salvage(document: Mapping[str, Any], faulty: Iterable[Path]) -> dict[str, Any]:
    """Copy a document so that it fits the schema.

    Args:
        document: what the schema refused.
        faulty: where the schema, or a step before it, found fault.
    """
    rest = deepcopy(dict(document))
    lost = {place for path in faulty if (place := _leave_out(rest, path))}
    for profile in _table(rest, "profiles").values():
        _detach(profile, lost)
    for caller in _table(rest, "callers").values():
        _detach_caller(caller, _table(rest, "profiles"), lost)
    return rest


def _leave_out(rest: dict[str, Any], path: Path) -> Path | None:
    """Remove or replace what is faulty at a path; return the place of a table that is gone with it."""
    match path:
        case ("profiles", name, key, *_):
            _mend(_table(rest, "profiles").get(name), str(key))
        case ("keys" | "environments" | "callers" as top, name, key, *_) if key not in _KNOWN[top]:
            _forget(_table(rest, top).get(name), key)
        case ("keys" | "environments" | "profiles" as top, name, *_):
            _forget(_table(rest, top), name)
            return (top, name)
        case ("callers", *names):
            _replace_caller(rest, names)
        case ("kubernetes", *keys):
            _mend_kubernetes(rest, keys)
        case (top, key, *_) if top in _OPTIONAL_BY_THEMSELVES and isinstance(rest.get(top), dict):
            _forget(rest[top], key)
        case (top, *_):
            _forget(rest, top)
            return (top,)
    return None


def _table(rest: Mapping[Any, Any], top: str | int) -> dict[Any, Any]:
    found = rest.get(top)
    return found if isinstance(found, dict) else {}


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
    """Let a profile use nothing that was left out: its faults are reported already."""
    for key, table in (("environment", "environments"), ("key", "keys")):
        if isinstance(profile[key], str) and {(table,), (table, profile[key])} & lost:
            profile[key] = _STAND_INS[key]


def _replace_caller(rest: dict[str, Any], names: Sequence[str | int]) -> None:
    """Replace one caller, or all, by a made-up one: other rules have to know that there is one.

    Its profile comes with `_detach_caller`.
    """
    rest["callers"] = _table(rest, "callers") if names else {}
    for name in names[:1]:
        _forget(rest["callers"], name)
    rest["callers"][_UNSET] = {"uid": 0, "allow": {_UNSET: list(_RULES)}}


def _mend_kubernetes(rest: dict[str, Any], keys: Sequence[str | int]) -> None:
    """Let a caller with a service account find the table, whatever is wrong with it."""
    if keys and keys[0] not in _KNOWN["kubernetes"]:
        _forget(rest.get("kubernetes"), keys[0])
    else:
        rest["kubernetes"] = dict(_KUBERNETES)


def _detach_caller(caller: dict[str, Any], profiles: Mapping[str, Any], lost: set[Path]) -> None:
    """Let a caller use no profile that was left out, but keep what it needs to be a caller."""
    allow = caller.get("allow", {})
    gone = {name for name in allow if ("profiles", name) in lost or ("profiles",) in lost or name == _UNSET}
    if gone:
        kept = {name: rules for name, rules in allow.items() if name not in gone}
        caller["allow"] = kept or {next(iter(profiles), _UNSET): list(_RULES)}
