"""Rule: a status becomes the JSON of /status.

Owns the form: member names are those of `gateway_status`, moments are RFC 3339 in UTC. Adds what `health` judges, and
nothing else; leaves nothing out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from fla_gateway.admin.status.gateway_status import FORMAT, Status
from fla_gateway.admin.status.health import findings, level, overall
from fla_gateway.admin.status.profile_status import ProfileStatus
from fla_gateway.errors import Fault


def write(status: Status, profile: str = "") -> bytes:
    """Write a status as JSON in ASCII, with a line break at its end.

    Args:
        status: what it is to show.
        profile: name of the only profile that is shown; empty for all.
    """
    document = {"format": FORMAT, "level": overall(status).value, **_value(status)}
    document["profiles"] = [_profile(it) for it in status.profiles if profile in {"", it.name}]
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


def _profile(profile: ProfileStatus) -> dict[str, Any]:
    found = findings(profile)
    return {"level": level(found).value, "findings": [it.value for it in found], **_value(profile)}


def _value(value: Any) -> Any:
    if isinstance(value, Fault):
        return {"place": value.place, **value.members()}
    if is_dataclass(value):
        return {field.name: _value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _value(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_value(member) for member in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return round(value, 3) if isinstance(value, float) else value
