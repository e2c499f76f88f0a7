"""Rule: the W3C traceparent field of a caller.

Owns the grammar (W3C Trace Context, sections 3.2.2 and 3.2.4). Refuses to know spans; and a value that is not valid
is as good as none, since the specification forbids to guess at it.
"""

from __future__ import annotations

import re
from typing import Final

# Versions after 00 may add parts behind a dash, and must be read as 00 up to there (section 3.2.4); ff is forbidden.
# The ids must not be all zero.
_GRAMMAR: Final = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?"
)
_LONGEST: Final = 512
_SAMPLED: Final = 0x01


def parse(value: bytes) -> str:
    """Read the value of a traceparent field, without the blanks around it.

    Where a request carries the field twice, there is no valid value: pass nothing then.

    Returns:
        The value in version 00: ``00-<trace id, 32 digits>-<parent id, 16 digits>-<flags, 2 digits>``, 55 characters;
        of the flags of a later version only the one that is known of it (sampled). Empty if the value is not valid.
    """
    match = _GRAMMAR.fullmatch(value) if len(value) <= _LONGEST else None
    if match is None:
        return ""
    version, trace, parent, flags, more = match.groups()
    if version != b"00":
        flags = b"%02x" % (int(flags, 16) & _SAMPLED)
    elif more is not None:
        return ""
    return b"-".join((b"00", trace, parent, flags)).decode("ascii")
