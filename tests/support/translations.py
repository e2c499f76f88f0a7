"""What is wrong with a translation, judged against the messages of the sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from tests.support.messages import Message, extract
from tests.support.texts import placeholders

_OF_THE_PAGE = re.compile(r"%\([a-z_]+\)s|%%")


def objections(po: Path) -> Iterator[str]:
    """Yield what is wrong with a .po file and with the .mo file beside it.

    Args:
        po: LANGUAGE/LC_MESSAGES/fla_gateway.po.
    """
    with po.open("rb") as stream:
        catalogue = read_po(stream)
    messages = {_of(message.id): message for message in catalogue if message.id}
    yield from (f"untranslated: {it}" for it in extract() if it not in messages or not _is_whole(messages[it].string))
    yield from (f"stale: {it}" for it in messages if it not in extract())
    yield from (f"unsure: {it}" for it, message in messages.items() if message.fuzzy)
    for source, message in messages.items():
        for text in filter(None, _forms(message.string)):
            if not _names(text) <= _names(*_forms(source)):
                yield f"another placeholder: {text}"
    yield from _not_compiled(catalogue, po.with_suffix(".mo"))


def _not_compiled(catalogue: Catalog, mo: Path) -> Iterator[str]:
    if not mo.exists():
        yield "not compiled"
        return
    with mo.open("rb") as stream:
        compiled = {_of(it.id): _forms(it.string) for it in read_mo(stream) if it.id}
    if compiled != {_of(it.id): _forms(it.string) for it in catalogue if it.id and _is_whole(it.string)}:
        yield "compiled from another version"


def _of(identifier: object) -> Message:
    return tuple(map(str, identifier)) if isinstance(identifier, (list, tuple)) else str(identifier)


def _forms(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, (list, tuple)) else (str(text),)


def _is_whole(text: object) -> bool:
    return all(_forms(text))


def _names(*texts: str) -> set[str]:
    """Name the placeholders of both kinds; what is no template at all has one that no source has."""
    found: set[str] = set()
    for text in texts:
        found |= set(_OF_THE_PAGE.findall(text))
        try:
            found |= {f"{{{name}!{conversion}:{form}}}" for name, conversion, form in placeholders(text)}
        except ValueError:
            found.add(text)
    return found
