"""Rule: reads untrusted bytes as the members of a JSON object.

Owns the decision that anything else is no object, whatever it is. Refuses to know what the members mean.
"""

from __future__ import annotations

import json
from typing import Any


def json_object(document: bytes) -> dict[str, Any]:
    """Read an object; returns an empty one where the document is none."""
    try:
        value = json.loads(document)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
