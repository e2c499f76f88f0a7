"""Rule: a path becomes one that a log may keep.

Owns the decision which path segments are harmless. Refuses to keep anything else: a segment may be a national number,
so whatever is neither a plain word nor a version number is replaced by a short keyed hash, and the query is dropped.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

KEY_BYTES: Final = 32
MOST_SEGMENTS: Final = 24

_LONGEST_WORD = 40
_DIGEST_BYTES = 6

# A word: letters, joined by single hyphens or underscores. A version: v1, v12, v1.2.3. Whatever else has a digit,
# a percent sign or a dot may name a person, an enterprise or a declaration.
_HARMLESS = re.compile(
    rb"(?=[A-Za-z_-]{1,%d}\Z)[A-Za-z]+(?:[-_][A-Za-z]+)*|v[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}" % _LONGEST_WORD
)


class MaskedPath(bytes):
    """A path that has been masked already, where only bytes can be kept."""


def mask_path(path: bytes, key: bytes) -> str:
    """Mask a path.

    Args:
        path: as written in a request target, with or without a query.
        key: `KEY_BYTES` random bytes, made at start and never stored. Within one run the same segment gives the same
            hash, so that the lines about one declaration can be found; afterwards it is not possible to search for a
            number by hashing all of them.

    Returns:
        ASCII of letters, digits and ``/ - _ . ~`` only, safe in JSON without escaping. A hashed segment is ``~`` and
        twelve hexadecimal digits.
    """
    segments = path.partition(b"?")[0].split(b"/", MOST_SEGMENTS)
    return "/".join([_mask_segment(segment, key) for segment in segments])


def _mask_segment(segment: bytes, key: bytes) -> str:
    if not segment or _HARMLESS.fullmatch(segment):
        return segment.decode("ascii")
    return "~" + blake2b(segment, key=key, digest_size=_DIGEST_BYTES).hexdigest()
