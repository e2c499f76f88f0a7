"""Rule: which answers and accidents lead to a second attempt (pure).

Owns the two cases in which anything is sent twice. Refuses to know how it is sent.
"""

from __future__ import annotations

import re
from typing import Final

SAFE_TO_REPEAT: Final = frozenset((b"GET", b"HEAD"))
"""Methods sent once more when a reused connection dies before any byte of an answer (RFC 9110, section 9.2.2)."""

CHANGING: Final = frozenset((b"POST", b"PUT", b"PATCH", b"DELETE"))
"""Methods whose answer is read to its end although the caller is gone, so that the fate of a declaration is known."""

# RFC 6750, section 3: WWW-Authenticate: Bearer realm="x", error="invalid_token"
_BEARER: Final = re.compile(rb"(?:^|,)[ \t]*bearer(?:[ \t]|$)", re.IGNORECASE).search
_INVALID_TOKEN: Final = re.compile(
    rb"(?:[ \t,])error[ \t]*=[ \t]*(?:\"invalid_token\"|invalid_token(?=[ \t,]|$))", re.IGNORECASE
).search


def refuses_token(challenges: list[bytes]) -> bool:
    """Tell whether a 401 says that the token itself is not accepted (RFC 6750, section 3.1).

    Args:
        challenges: values of WWW-Authenticate.
    """
    return any(_BEARER(challenge) and _INVALID_TOKEN(challenge) for challenge in challenges)
