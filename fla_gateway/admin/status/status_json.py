"""Rule: a status becomes the JSON of /status.

Owns the form: member names are those of `gateway_status`, moments are RFC 3339 in UTC. Refuses to add or leave out
anything.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from fla_gateway.admin.status.gateway_status import FORMAT, Status


def write(status: Status) -> bytes:
    """Write a status as JSON in ASCII, with a line break at its end."""
    return json.dumps({"format": FORMAT, **_value(status)}, separators=(",", ":")).encode("ascii") + b"\n"


def _value(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_value(member) for member in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return round(value, 3) if isinstance(value, float) else value
