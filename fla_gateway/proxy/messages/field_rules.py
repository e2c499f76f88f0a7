"""Rule: what is done with a field, by its name (pure).

Owns the kinds of treatment, the fields that neither side's connection may pass on (RFC 9110, section 7.6.1), and the
memory of names in the spelling in which they come. Refuses to know which fields a direction adds to them.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.access.bounded_cache import remember

# What is done with a field. Plain numbers: they are compared for every field of every message.
KEEP: Final = 0
LENGTH: Final = 1
CODING: Final = 2
CONNECTION: Final = 3
DROP: Final = 4
TRACE: Final = 5
LOCATION: Final = 6
CHALLENGE: Final = 7
NOTE: Final = 8
"""Kept back for the records, and not forwarded."""
DATE: Final = 9
TYPE: Final = 10
COOKIE: Final = 11

# RFC 9110, section 7.6.1, and similar fields that older software sends.
HOP_BY_HOP: Final = (
    b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer", b"upgrade",
)  # fmt: skip

_REMEMBERED_NAMES: Final = 1_024
_LONGEST_NAME: Final = 64
"""Bytes of the longest name that is remembered; both sides choose names freely, and all of them are kept for good."""


class FieldActions:
    """What is done with the fields of one direction; the few hundred names in use are remembered in their spelling.

    Args:
        table: names in lower case, and what is done with them; all others are kept.
        prefixes: of names in lower case that are dropped.
        underscores: whether names with an underscore may pass.

    Attributes:
        known: names as written that were decided on, looked at for every field.
    """

    def __init__(self, table: dict[bytes, int], prefixes: tuple[bytes, ...], *, underscores: bool) -> None:
        self._table = table
        self._prefixes = prefixes
        self._underscores = underscores
        self.known: dict[bytes, int] = {}

    def learn(self, name: bytes) -> int:
        """Decide on a name that is not in `known`."""
        lower = name.lower()
        action = self._table.get(lower, KEEP)
        # Software behind the API may take X_Forwarded_For for X-Forwarded-For (CGI turns both into one variable).
        if (lower.startswith(self._prefixes) and action != NOTE) or (b"_" in lower and not self._underscores):
            action = DROP
        if len(name) <= _LONGEST_NAME:
            # The oldest is dropped: names that a peer made up must not keep those in use out for ever.
            remember(self.known, name, action, _REMEMBERED_NAMES)
        return action
