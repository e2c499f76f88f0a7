"""Rule: what a caller learns of profiles when its address names none (pure).

Owns the sentence, and which names are in it: those that the caller may use, and no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from fla_gateway.access.refusal import Refusal
from fla_gateway.i18n.message import Text

MOST_NAMED: Final = 10
_MOST_COMPARED: Final = 100
_LONGEST: Final = 64


def name_profiles(refusal: Refusal, path: bytes, names: Iterable[str]) -> Refusal:
    """Add to a refusal the names of profiles, the nearest of them first.

    Args:
        refusal: ``unknown-profile``.
        path: that was asked for.
        names: of the profiles that the caller may use.
    """
    known = tuple(islice(names, _MOST_COMPARED))
    if not known:
        return refusal
    from difflib import get_close_matches  # noqa: PLC0415 - rarely needed

    wanted = path.split(b"/", 2)[1][:_LONGEST].decode("latin-1").lower() if path.startswith(b"/") else ""
    near = get_close_matches(wanted, known, n=1)
    listed = ", ".join([*known[:MOST_NAMED], *(["..."] if len(known) > MOST_NAMED else [])])
    detail = Text("{detail} Profiles for this caller: {names}.", detail=refusal.detail, names=listed)
    if near:
        detail = Text(
            "{detail} The nearest is '{name}'. Profiles for this caller: {names}.",
            detail=refusal.detail,
            name=near[0],
            names=listed,
        )
    return refusal._replace(detail=detail)
