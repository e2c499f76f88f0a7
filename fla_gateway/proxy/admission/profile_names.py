"""Rule: what a caller learns of profiles when its address names none (pure).

Owns the sentence, and which names are in it: those that the caller may use, and no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from fla_gateway.access.refusal import Refusal

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
    guess = f" The nearest is {near[0]!r}." if near else ""
    further = ", ..." if len(known) > MOST_NAMED else ""
    listed = f" Profiles for this caller: {', '.join(known[:MOST_NAMED])}{further}."
    return refusal._replace(detail=f"{refusal.detail}{guess}{listed}")
