"""Rule: the masks under which the journal has a number.

Owns which spellings of a number a path can have. Refuses to know where the key is kept.
"""

from __future__ import annotations

from urllib.parse import quote

from fla_gateway.access.path_masking import mask_path
from fla_gateway.errors import JournalError
from fla_gateway.i18n.message import Text


def masks_of(number: str, key: bytes) -> tuple[str, ...]:
    """Give the masks of a number, as it is and percent-encoded.

    Args:
        number: as it is in a path.
        key: of the journal's masks.

    Raises:
        JournalError: it is no number that a path can have, or one that is not masked.
    """
    if not number or set(number) & set("/?#"):
        raise JournalError(Text("a number is one part of a path: without `/`, `?` and `#`"))
    spellings = dict.fromkeys((number.encode("utf-8", "surrogateescape"), quote(number, safe="").encode()))
    masks = tuple(mask_path(spelling, key) for spelling in spellings)
    if not all(mask.startswith("~") for mask in masks):
        raise JournalError(
            Text("plain words and versions are not masked: `fla-gateway audit show` has them as they are")
        )
    return masks
