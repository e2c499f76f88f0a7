"""The messages of the gateway, for translators: Babel takes them from sources and templates into a .pot file.

After a change of any text: `make messages` writes it anew. A test compares it. The places of use are files without
lines, so that moving a line does not change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract as babel_extract
from babel.messages.pofile import write_po

from fla_gateway.admin.status.status_page import EXTENSIONS, TEMPLATES
from fla_gateway.catalog.load import load
from fla_gateway.i18n.catalogues import DOMAIN, FOLDER
from tests.support.texts import SOURCE, modules

POT = FOLDER / f"{DOMAIN}.pot"
HEAD = """\
# Messages of fla-gateway; written by `make messages`, not by hand.
# Translations are in LANGUAGE/LC_MESSAGES/fla_gateway.po beside this file; how to write them: docs/translations.md.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
KEYWORDS = {"Text": (1,), "Sentence": (1,), "Message": (2,), "ProtocolError": (2,), "Plural": (1, 2)}
"""What makes a text, and which of its arguments are templates."""
OF_TEMPLATES = {"_": None, "gettext": None, "ngettext": (1, 2)}
JINJA = {"extensions": ",".join(EXTENSIONS), "trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true",
         "silent": "false"}  # fmt: skip

Message = str | tuple[str, ...]


@cache
def extract() -> dict[Message, set[str]]:
    """Give every message, singular or singular and plural, with the files that use it."""
    found: dict[Message, set[str]] = {}
    for message, place in [*_of_sources(), *_of_templates(), *_of_the_catalogue()]:
        found.setdefault(message, set()).add(place)
    return found


def _of_sources() -> Iterator[tuple[Message, str]]:
    for path, _ in modules(*KEYWORDS):
        # Babel warns of f-strings among the arguments; that no template is one, a test sees to.
        with path.open("rb") as stream, redirect_stderr(StringIO()):
            for _, message, _, _ in babel_extract("python", stream, KEYWORDS):
                # A template of placeholders alone has nothing to translate.
                if message and (not isinstance(message, str) or message.strip("{}_").strip()):
                    yield message, f"fla_gateway/{path.relative_to(SOURCE)}"


def _of_templates() -> Iterator[tuple[Message, str]]:
    for path in sorted(TEMPLATES.glob("*.html")):
        with path.open("rb") as stream:
            for _, message, _, _ in babel_extract("jinja2", stream, OF_TEMPLATES, options=JINJA):
                # What is chosen when the page is shown has no text here; it is in the sources.
                if message:
                    yield message, f"fla_gateway/admin/templates/{path.name}"


def _of_the_catalogue() -> Iterator[tuple[Message, str]]:
    """Yield the titles of services, and the notes of those that exist no more: others are shown as JSON alone."""
    for service in load().services:
        yield service.title.template, "fla_gateway/catalog/services.toml"
        if service.status == "repealed":
            yield service.note.template, "fla_gateway/catalog/services.toml"


def template(messages: Mapping[Message, set[str]]) -> Catalog:
    """Put messages into a catalogue, sorted, with their places and no translation."""
    catalogue = Catalog(charset="utf-8")
    for message, places in sorted(messages.items(), key=lambda it: _key(it[0])):
        catalogue.add(message, locations=[(place, 0) for place in sorted(places)])
    return catalogue


def pot() -> str:
    """Write the file."""
    written = BytesIO()
    write_po(written, template(extract()), width=0, omit_header=True, include_lineno=False)
    return HEAD + written.getvalue().decode()


def _key(message: Message) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else message


if __name__ == "__main__":
    Path(POT).write_text(pot(), encoding="utf-8")
