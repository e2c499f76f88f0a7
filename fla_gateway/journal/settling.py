"""Rule: which doubts can be settled, and in which words.

Owns the conditions, for the gateway that runs and for the command beside a journal that none writes. Refuses to read
and to write the journal.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from fla_gateway.errors import Fault, SettlementRefusedError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.journal.format.line_format import SETTLEMENTS
from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.in_doubt import doubt_of
from fla_gateway.journal.snapshot import Settlement

MOST_AT_ONCE: Final = 500
LONGEST_NOTE: Final = 500
LONGEST_NAME: Final = 64

_CURES: Final = Text("`fla-gateway audit show --in-doubt` lists what can be settled")


def text_fault(settlement: Settlement) -> Text | None:
    """Say what is wrong with a settlement, whatever the journal has; None if nothing is.

    What is printable has no control characters, no line breaks, and no marks that turn a line round.
    """
    if settlement.result not in SETTLEMENTS:
        return Text("'as' must be one of {words}", words=", ".join(SETTLEMENTS))
    for name, value, longest in (("note", settlement.note, LONGEST_NOTE), ("by", settlement.by, LONGEST_NAME)):
        if len(value) > longest or not value.isprintable():
            return Text("'{name}' must be one line of at most {most} printable characters", name=name, most=longest)
    return None


def request_id(text: str) -> str | None:
    """Read a request id as people have it; None if it is none."""
    try:
        return str(uuid.UUID(text.removeprefix("urn:uuid:")))
    except ValueError:
        return None


def refuse_unsettleable(ids: Iterable[str], found: Mapping[str, Exchange], running: Collection[str]) -> None:
    """Refuse to settle what is not in doubt; all or none.

    Args:
        ids: of the requests.
        found: what the journal has of them.
        running: ids of the requests that still run.

    Raises:
        SettlementRefusedError: with each that cannot be settled, and why.
    """
    faults = tuple(_faults(ids, found, running))
    if faults:
        raise SettlementRefusedError(faults)


def _faults(ids: Iterable[str], found: Mapping[str, Exchange], running: Collection[str]) -> Iterator[Fault]:
    for name in ids:
        if name in running:
            message = Message("request-still-runs", "still runs; its outcome will be in the journal")
            yield Fault(name, message, Text("wait for it"))
        elif name not in found:
            yield Fault(name, Message("request-not-in-journal", "is not in the journal"), _CURES)
        elif not doubt_of(found[name]):
            message = Message("request-not-in-doubt", "is not in doubt: the journal has its outcome")
            yield Fault(name, message, Text("`fla-gateway audit show --id {id}` shows it", id=name))
