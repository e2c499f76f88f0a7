"""Rule: what a client asks to be settled, from the body of its request (pure).

Owns the form of the body. Refuses to decide who may ask (`action_rights`) and what can be settled
(`journal.settling`).
"""

from __future__ import annotations

import json
from typing import Final

from fla_gateway.i18n.message import Text
from fla_gateway.journal.settling import MOST_AT_ONCE, request_id, text_fault
from fla_gateway.journal.snapshot import Settlement

_FORM: Final = Text(
    'The body must be JSON such as {{"ids": ["..."], "as": "done", "note": "...", "by": "..."}}; note and by may be '
    "left out. Nothing was settled."
)
_IDS: Final = Text("'ids' must be 1 to {most} request ids, which are UUIDs; nothing was settled.", most=MOST_AT_ONCE)


def read_settlements(body: bytes, uid: int | None) -> tuple[Settlement, ...] | Text:
    """Read the body of a request.

    Args:
        body: as it came.
        uid: user id that is proven of the client, or None.

    Returns:
        One settlement for each request, or what is wrong.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return _FORM
    if not isinstance(document, dict) or not document.keys() <= {"ids", "as", "note", "by"}:
        return _FORM
    result, note, by = (document.get(name, "") for name in ("as", "note", "by"))
    if not (isinstance(result, str) and isinstance(note, str) and isinstance(by, str)):
        return _FORM
    ids = document.get("ids")
    read = [request_id(it) if isinstance(it, str) else None for it in ids] if isinstance(ids, list) else []
    known = [it for it in dict.fromkeys(read) if it is not None]
    if not known or None in read or len(known) > MOST_AT_ONCE:
        return _IDS
    settlements = tuple(Settlement(it, result, note, by, uid) for it in known)
    fault = text_fault(settlements[0])
    return settlements if fault is None else Text("{fault}; nothing was settled.", fault=fault)
