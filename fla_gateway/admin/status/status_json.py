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
from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import Text


def write(status: Status, profile: str = "", spoken: Spoken = ENGLISH) -> bytes:
    """Write a status as JSON in ASCII, with a line break at its end.

    Args:
        status: what it is to show.
        profile: name of the only profile that is shown; empty for all.
        spoken: the language of sentences; names and codes are the same in each.
    """
    document = {"format": FORMAT, "level": overall(status).value, **_value(status, spoken)}
    document["profiles"] = [_profile(it, spoken) for it in status.profiles if profile in {"", it.name}]
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


def _profile(profile: ProfileStatus, spoken: Spoken) -> dict[str, Any]:
    found = findings(profile)
    return {"level": level(found).value, "findings": [it.value for it in found], **_value(profile, spoken)}


def _value(value: Any, spoken: Spoken) -> Any:
    if isinstance(value, Fault):
        return {"place": value.place, **value.members(spoken)}
    if is_dataclass(value):
        return {field.name: _value(getattr(value, field.name), spoken) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _value(member, spoken) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_value(member, spoken) for member in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Text):
        return value.translated(spoken.catalogue)
    return round(value, 3) if isinstance(value, float) else value
