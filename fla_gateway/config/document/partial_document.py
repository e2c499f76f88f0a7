"""Rule: what of a faulty document can still be judged.

Owns the choice of what is left out or replaced, so that one spelling mistake does not hide the other faults of a
file, nor of its table. Refuses to judge; a salvaged document is never used for anything but finding more faults.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import date
from hashlib import sha256
from typing import Any, Final

from fla_gateway.config.values.constraints import NAME_PATTERN

Path = tuple[str | int, ...]

_UNSET: Final = "unset"
_FILE: Final = "/unset"
_ADDRESS: Final = "https://unset.invalid"
_RULE: Final = "GET /REST/**"

# What takes the place of a value that is faulty or missing, so that no rule finds fault with it, nor misses it. Without
# a stand-in the value is taken out.
_PROFILE: Final[Mapping[str, Any]] = {
    "environment": "acceptance",
    "client_id": _UNSET,
    "key": {"pem": _FILE},
    "anonymous": True,
}
_KEY: Final[Mapping[str, Any]] = {"pkcs12": _FILE, "pem": _FILE, "password_file": _FILE, "alias": _UNSET}
_KUBERNETES: Final[Mapping[str, Any]] = {"issuer": _UNSET, "audience": _UNSET, "jwks_file": _FILE, "jwks_url": _ADDRESS}
_EGRESS: Final[Mapping[str, Any]] = {
    "proxy": "http://unset.invalid:3128",
    "proxy_user": _UNSET,
    "proxy_password_file": _FILE,
}
_MAIL: Final[Mapping[str, Any]] = {
    "to": ["unset@unset.invalid"],
    "from": "unset@unset.invalid",
    "server": "unset.invalid:587",
    "user": _UNSET,
    "password_file": _FILE,
}
_WEBHOOK: Final[Mapping[str, Any]] = {"url": _ADDRESS}
_AUDIT: Final[Mapping[str, Any]] = {"path": _FILE}
_TRACING: Final[Mapping[str, Any]] = {"endpoint": _ADDRESS}
_NOTHING: Final[Mapping[str, Any]] = {}

_SINGLE: Final[Mapping[str, Mapping[str, Any]]] = {
    "gateway": _NOTHING, "admin": _NOTHING, "log": _NOTHING, "security": _NOTHING,
    "egress": _EGRESS, "audit": _AUDIT, "tracing": _TRACING,
}  # fmt: skip
"""Tables that are there once."""
_WITHOUT_STAND_IN: Final = frozenset({"api_base", "token_url"})
"""Of an environment: whichever took their place, the rule of official hosts would misjudge the others."""


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
        case ("keys" | "environments" | "profiles" as top, name, *keys):
            table = _table(rest, top)
            if not keys or (top == "environments" and keys[0] in _WITHOUT_STAND_IN):
                _forget(table, name)
                return (top, name)
            _mend_named(top, table.get(name), keys)
        case ("callers", name, key, *deeper):
            _mend_caller(_table(rest, "callers").get(name), key, deeper, path)
        case ("callers", *names):
            _replace_caller(rest, names)
        case ("kubernetes", *keys):
            _mend_kubernetes(rest, keys)
        case ("alerts", *keys):
            _mend_alerts(rest, keys)
        case (str(top), key, *_) if top in _SINGLE:
            _mend(rest.get(top), key, _SINGLE[top])
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


def _mend(table: Any, key: str | int, placeholders: Mapping[str, Any]) -> None:
    """Put a stand-in into the place of a value, or take it out."""
    if not isinstance(table, dict):
        return  # its name was faulty too, and it is gone
    if key in placeholders:
        table[key] = deepcopy(placeholders[str(key)])
    else:
        table.pop(key, None)


def _mend_entry(entries: Any, index: Sequence[str | int], stand_in: object) -> bool:
    """Replace one entry of a list, so that the others keep their places; return whether there is such an entry."""
    if not index or not isinstance(entries, list) or not isinstance(index[0], int) or index[0] >= len(entries):
        return False
    entries[index[0]] = stand_in
    return True


def _mend_named(top: str, table: Any, keys: Sequence[str | int]) -> None:
    if top == "profiles":
        _mend_profile(table, str(keys[0]), keys[1:])
    else:
        _mend(table, keys[0], _KEY if top == "keys" else _NOTHING)


def _mend_profile(profile: Any, key: str, deeper: Sequence[str | int]) -> None:
    inner = profile.get(key) if isinstance(profile, dict) else None
    if key in {"key", "next_key"} and isinstance(inner, dict) and deeper:
        _mend(inner, deeper[0], _KEY)
    elif key != "services" or not _mend_entry(inner, deeper, "/REST/unset"):
        _mend(profile, key, _PROFILE)


def _detach(profile: dict[str, Any], lost: set[Path]) -> None:
    """Let a profile use nothing that was left out: its faults are reported already."""
    for key, table, stand_in in (
        ("environment", "environments", _PROFILE["environment"]),
        ("key", "keys", _PROFILE["key"]),
        ("next_key", "keys", {"pem": "/next"}),
    ):
        if isinstance(name := profile.get(key), str) and {(table,), (table, name)} & lost:
            profile[key] = stand_in


def _replace_caller(rest: dict[str, Any], names: Sequence[str | int]) -> None:
    """Replace one caller, or all, by a made-up one: other rules have to know that there is one.

    Its profile comes with `_detach_caller`.
    """
    rest["callers"] = _table(rest, "callers") if names else {}
    for name in names[:1]:
        _forget(rest["callers"], name)
    rest["callers"][_UNSET] = {"keys": [_made_up_key(("callers", *names))], "allow": {_UNSET: [_RULE]}}


def _made_up_key(path: Path) -> dict[str, str]:
    """Return an API key that is no other's."""
    return {"sha256": sha256(repr(path).encode()).hexdigest()}


def _mend_caller(caller: Any, key: str | int, deeper: Sequence[str | int], path: Path) -> None:
    """Mend one key of a caller, and leave it a proof, of which no rule can say that another caller has it."""
    if not isinstance(caller, dict):
        return
    if key == "allow":
        _mend_allow(caller, deeper)
    elif key == "keys":
        _mend_api_keys(caller, deeper, path)
    elif key == "observe_until":
        caller[key] = date.max
    elif key != "certificate_names" or not _mend_entry(caller.get(key), deeper, _UNSET):
        caller.pop(key, None)
    if key in {"uid", "gid", "service_account", "certificate_names"} and "service_account" not in caller:
        keys = caller.get("keys")
        caller["keys"] = [*(keys if isinstance(keys, list) else ()), _made_up_key(path)]


def _mend_allow(caller: dict[str, Any], place: Sequence[str | int]) -> None:
    allow = caller.get("allow")
    if not place or not isinstance(allow, dict):
        caller["allow"] = {_UNSET: [_RULE]}
        return
    profile, *index = place
    if _mend_entry(allow.get(profile), index, _RULE):
        return
    allow.pop(profile, None)
    allow[profile if re.fullmatch(NAME_PATTERN, str(profile)) else _UNSET] = [_RULE]


def _mend_api_keys(caller: dict[str, Any], place: Sequence[str | int], path: Path) -> None:
    keys = caller.get("keys")
    match place:
        case (int(index), key, *_) if isinstance(keys, list) and index < len(keys) and isinstance(keys[index], dict):
            _mend(keys[index], key, _made_up_key(path))
        case _ if not _mend_entry(keys, place, _made_up_key(path)):
            caller["keys"] = [_made_up_key(path)]


def _mend_kubernetes(rest: dict[str, Any], keys: Sequence[str | int]) -> None:
    """Let a caller with a service account find the table, whatever is wrong with it."""
    table = rest.get("kubernetes")
    if keys and isinstance(table, dict):
        _mend(table, keys[0], _KUBERNETES)
    else:
        rest["kubernetes"] = {"issuer": _UNSET, "audience": _UNSET, "jwks_file": _FILE}


def _mend_alerts(rest: dict[str, Any], keys: Sequence[str | int]) -> None:
    """Leave a way for alerts where one was written."""
    alerts = rest.get("alerts")
    match keys:
        case (str(way), *deeper) if isinstance(alerts, dict) and way in {"mail", "webhook"}:
            placeholders = _MAIL if way == "mail" else _WEBHOOK
            if deeper and isinstance(alerts.get(way), dict):
                _mend(alerts[way], deeper[0], placeholders)
            else:
                alerts[way] = {"url": _ADDRESS} if way == "webhook" else deepcopy(dict(_MAIL))
        case (key, *_) if isinstance(alerts, dict):
            _forget(alerts, key)
        case _:
            _forget(rest, "alerts")


def _detach_caller(caller: dict[str, Any], profiles: Mapping[str, Any], lost: set[Path]) -> None:
    """Let a caller use no profile that was left out, but keep what it needs to be a caller."""
    allow = caller.get("allow", {})
    gone = {name for name in allow if ("profiles", name) in lost or ("profiles",) in lost or name == _UNSET}
    if gone:
        kept = {name: rules for name, rules in allow.items() if name not in gone}
        caller["allow"] = kept or {next(iter(profiles), _UNSET): [_RULE]}
