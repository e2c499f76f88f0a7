"""Rule: the name under which a method is logged and counted.

Owns the closed set of names. Refuses to repeat a method that a caller made up: it would be a label without bound.
"""

from __future__ import annotations

from typing import Final

OTHER: Final = "OTHER"

# RFC 9110, section 9.1, and PATCH (RFC 5789).
NAMES: Final[dict[bytes, str]] = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
}


def method_name(method: bytes) -> str:
    """Name a method; ``OTHER`` for one that is not registered, and where the head could not be read."""
    return NAMES.get(method, OTHER)
