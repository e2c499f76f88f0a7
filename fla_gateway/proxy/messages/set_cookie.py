"""Rule: how a cookie that the API sets is rewritten (pure).

Owns the attributes that say where a client sends a cookie back. Refuses to know cookies' names and values, and to keep
any.
"""

from __future__ import annotations

import re
from typing import Final

# Behind the pair, whatever it holds, each semicolon begins an attribute. One pass of a pattern: an API may send 64 KB
# of semicolons, and a list of the attributes would delay all other exchanges while it is made.
_ATTRIBUTE: Final = re.compile(
    rb";[ \t]*+domain[ \t]*+(?:=[^;]*+)?+(?=;|\Z)|(;[ \t]*+path[ \t]*+=)([^;]*+)", re.IGNORECASE
).sub


def confine_cookie(value: bytes, prefix: bytes) -> bytes:
    """Rewrite the value of Set-Cookie so that the cookie goes back to the address that the caller used, and only there.

    RFC 6265, section 5.2: everything up to the first semicolon is name and value, whatever it holds; the attributes
    follow, and the last one of a name counts.

    Args:
        value: of Set-Cookie.
        prefix: ``/<profile>``, or nothing on a listener of the profile's own.

    Returns:
        The value without `Domain`, and with the prefix in front of each `Path`. A path that is none (section 5.2.4)
        stays: a client then takes the path of the request, which has the prefix already.
    """

    def rewritten(match: re.Match[bytes]) -> bytes:
        name, path = match.groups(b"")
        return name + _prefixed(path.strip(b" \t"), prefix)

    return _ATTRIBUTE(rewritten, value)


def _prefixed(path: bytes, prefix: bytes) -> bytes:
    if path.startswith(b"/"):
        return prefix + path
    # Some clients remove the quotes, although RFC 6265 does not define them.
    return b'"' + prefix + path[1:] if path.startswith(b'"/') else path
