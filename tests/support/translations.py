"""The translations: brought up to date with the messages of the sources, compiled, and judged.

After a change of any text or translation: `make translations`. A new message is added without a translation; one that
is used no more is kept at the end of the file, behind ``#~``, and comes back with its translation if it is used again.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from fla_gateway.i18n.catalogues import DOMAIN, FOLDER
from tests.support.messages import Message, extract, template
from tests.support.texts import placeholders

COMPLETE: Final = frozenset({"nl", "fr"})
"""Languages without any untranslated message. One that is begun is not among them yet; it never leaves again."""
PLURALS: Final = {"nl": "nplurals=2; plural=(n != 1);", "fr": "nplurals=2; plural=(n > 1);"}
"""Their forms, as in gettext's manual; Babel would have a third one for French, for whole millions."""
LABELS: Final = (
    "Beheer uw technische kanalen", "Beheer van de technische kanalen", "Beveiligde machtigingen", "Certificaatnaam",
    "ChaMan", "Client ID", "Een certificaat toevoegen", "Een webservice account toevoegen", "Hoofdtoegangsbeheerder",
    "Noodprocedure voor werkgevers", "Toegangsbeheer", "Toegangsbeheerder", "Uw verantwoordelijken", "Vervaldatum",
    "geen toegang",
)  # fmt: skip
"""Words of the government's screens: a reader finds each there as it is written here, in every language."""

_HEAD = """\
# {language}: messages of fla-gateway. How to translate: docs/translations.md.
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: {plurals}\\n"

"""
_NO_TIME = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
_OF_PERCENT = re.compile(r"%\([a-z_]+\)[a-z]|%[a-z%]?")
_KEPT = re.compile(r"`[^`]+`|--[a-z][a-z-]+|https?://[^\s\"'<>)]+|<[a-z/][^>]*>|\[[a-z_.*]+\]|⟨[^⟩]*⟩")
"""What is typed or followed as it is: code, options, addresses, marks of HTML, tables of the configuration."""


def files() -> list[Path]:
    """List the .po files."""
    return sorted(FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def language_of(po: Path) -> str:
    """Name the language of a .po file."""
    return po.parent.parent.name


def update(po: Path, there: Mapping[Message, set[str]]) -> None:
    """Bring a .po file up to date with the messages that there are, and compile it.

    Args:
        po: LANGUAGE/LC_MESSAGES/fla_gateway.po; it need not be there yet.
        there: see `messages.extract`.
    """
    language = language_of(po)
    catalogue = _read(po) if po.exists() else Catalog(charset="utf-8")
    for former in list(catalogue.obsolete.values()):
        if _of(former.id) in there:
            del catalogue.obsolete[_of_catalogue(former.id)]
            current = catalogue.get(former.id)
            if current is None or not _is_whole(current.string):
                catalogue.delete(former.id)
                catalogue[former.id] = former
    catalogue.update(template(there), no_fuzzy_matching=True)
    written = BytesIO()
    write_po(written, catalogue, width=0, omit_header=True, include_lineno=False)
    po.parent.mkdir(parents=True, exist_ok=True)
    head = _HEAD.format(language=language, plurals=PLURALS[language])
    po.write_text(head + written.getvalue().decode(), encoding="utf-8")
    compile_po(po)


def compile_po(po: Path) -> None:
    """Write the .mo file beside a .po file: the same one for the same translations, whenever it is written."""
    catalogue = _read(po)
    catalogue.creation_date = catalogue.revision_date = _NO_TIME
    for message in catalogue:
        if message.id and not _is_whole(message.string):
            message.string = ""
    with po.with_suffix(".mo").open("wb") as stream:
        write_mo(stream, catalogue)


def objections(po: Path, there: Collection[Message], *, complete: bool = True) -> Iterator[str]:
    """Yield what is wrong with a .po file and with the .mo file beside it.

    Args:
        po: LANGUAGE/LC_MESSAGES/fla_gateway.po.
        there: the messages of the sources.
        complete: whether every message has to be there, and no other.
    """
    catalogue = _read(po)
    messages = {_of(message.id): message for message in catalogue if message.id}
    if complete:
        yield from (f"untranslated: {it}" for it in there if it not in messages or not _is_whole(messages[it].string))
        yield from (f"stale: {it}" for it in messages if it not in there)
    yield from (f"unsure: {it}" for it, message in messages.items() if message.fuzzy)
    for source, message in messages.items():
        if any(_forms(message.string)):
            yield from _of_forms(_forms(source), _forms(message.string))
    yield from _not_compiled(catalogue, po.with_suffix(".mo"))


def _of_forms(source: tuple[str, ...], translation: tuple[str, ...]) -> Iterator[str]:
    """Judge a translation; only the form for one may do without the number, or without what the number is about."""
    if not all(translation):
        yield f"a form is missing: {source[0]}"
        return
    for text in translation:
        if not _names(text) <= _names(*source):
            yield f"another placeholder: {text}"
    text, last = translation[-1], source[-1]
    if _names(text) < _names(last):
        yield f"a placeholder is missing: {text}"
    if Counter(_OF_PERCENT.findall(text)) != Counter(_OF_PERCENT.findall(last)):
        yield f"another percent sign: {text}"
    if set(_KEPT.findall(text)) != set(_KEPT.findall(last)):
        yield f"what is typed or followed as it is differs: {text}"
    if any(label in last and label not in text for label in LABELS):
        yield f"a label of a screen is translated: {text}"
    if (_edges(text)) != _edges(last):
        yield f"other white space around it: {text!r}"


def _not_compiled(catalogue: Catalog, mo: Path) -> Iterator[str]:
    if not mo.exists():
        yield "not compiled"
        return
    with mo.open("rb") as stream:
        compiled = {_of(it.id): _forms(it.string) for it in read_mo(stream) if it.id}
    if compiled != {_of(it.id): _forms(it.string) for it in catalogue if it.id and _is_whole(it.string)}:
        yield "compiled from another version"


def _read(po: Path) -> Catalog:
    with po.open("rb") as stream:
        return read_po(stream)


def _of(identifier: object) -> Message:
    return tuple(map(str, identifier)) if isinstance(identifier, (list, tuple)) else str(identifier)


def _of_catalogue(identifier: object) -> str:
    return _forms(identifier)[0]


def _forms(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, (list, tuple)) else (str(text),)


def _is_whole(text: object) -> bool:
    return all(_forms(text))


def _edges(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def _names(*texts: str) -> set[str]:
    """Name the placeholders of both kinds; what is no template at all has one that no source has."""
    found: set[str] = set()
    for text in texts:
        found |= {it for it in _OF_PERCENT.findall(text) if it.startswith("%(")}
        try:
            found |= {f"{{{name}!{conversion}:{form}}}" for name, conversion, form in placeholders(text)}
        except ValueError:
            found.add(text)
    return found


if __name__ == "__main__":
    # A language that is begun is named: `python -m tests.support.translations nl`.
    for named in {*sys.argv[1:], *map(language_of, files())}:
        update(FOLDER / named / "LC_MESSAGES" / f"{DOMAIN}.po", extract())
