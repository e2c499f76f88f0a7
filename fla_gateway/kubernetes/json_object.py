"""Rule: bytes of a stranger become the members of a JSON object.

Owns what is none: anything else, whatever it is. Refuses to know what the members mean.
"""

from __future__ import annotations

import json
from typing import Any


def json_object(document: bytes) -> dict[str, Any]:
    """Read an object; empty where the document is none."""
    try:
        value = json.loads(document)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
