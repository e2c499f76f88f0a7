"""Rule: which box a person ticks in ChaMan for a scope or a service that is missing.

Owns the sentence, for the doctor, the details of the token leg and the status page alike. Refuses to know more than the
catalogue: that a box belongs to a scope is said nowhere, so that it is called a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fla_gateway.catalog.model import Catalogue, Right
from fla_gateway.i18n.message import Text, joined

SECTION: Final = "Beveiligde machtigingen"
"""Where ChaMan has the boxes."""
_UNKNOWN: Final = Text(
    "in ChaMan a right of the account is missing, under {section}; which box that is, is not known here",
    section=SECTION,
)


def rights_for_scopes(catalogue: Catalogue, scopes: Iterable[str]) -> tuple[Right, ...]:
    """Give the boxes that probably go with scopes; none where there is not even a guess."""
    wanted = frozenset(scopes)
    return _once(right for service in catalogue.services for right in service.rights if right.scope in wanted)


def rights_for_service(catalogue: Catalogue, name: str, granted: Iterable[str] = ()) -> tuple[Right, ...]:
    """Give the boxes of a service that may be the missing one.

    Args:
        catalogue: the known APIs.
        name: the first segment of its paths, such as ``dimona``.
        granted: scopes that the token has: their boxes are ticked, if the guess holds.
    """
    begin, has = f"/REST/{name}/", frozenset(granted)
    services = [it for it in catalogue.services if (it.prefix or "").startswith(begin)]
    return _once(right for it in services for right in it.rights if right.scope not in has)


def tick(rights: Iterable[Right]) -> Text:
    """Say what to tick, as a clause; without a right that something is to be ticked, and that it is not known what.

    Args:
        rights: the boxes; those without a scope are known by the name of their service alone.
    """
    labels = [_label(it) for it in rights]
    if not labels:
        return _UNKNOWN
    return Text(
        "in ChaMan, tick {labels} under {section}; no source says which box gives which scope, so that this is a guess "
        "from the names",
        labels=joined(labels, ", "),
        section=SECTION,
    )


def _label(right: Right) -> Text:
    if not right.french:
        return Text('"{label}"', label=right.label)
    return Text('"{label}" (in French, by our own translation: "{french}")', label=right.label, french=right.french)


def _once(rights: Iterator[Right]) -> tuple[Right, ...]:
    return tuple({it.label: it for it in rights}.values())
