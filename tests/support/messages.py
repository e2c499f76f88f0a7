"""The messages of the status page, for translators: from the templates and the tables of words to a .pot file.

After a change of any text: `.venv/bin/python -m tests.support.messages` writes it anew. A test compares it. The form is
gettext's (GNU gettext manual, "The Format of PO Files"); the places of use are files without lines, so that moving a
line does not change it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2.ext import babel_extract

from fla_gateway.admin.status import messages
from fla_gateway.admin.status.status_page import EXTENSIONS, TEMPLATES
from fla_gateway.i18n.catalogues import DOMAIN, FOLDER
from fla_gateway.problems import PROBLEMS

POT = FOLDER / f"{DOMAIN}.pot"
HEAD = """\
# Messages of the status page of fla-gateway; written by tests/support/messages.py, not by hand.
# A translation goes into LANGUAGE/LC_MESSAGES/fla_gateway.po beside this file, compiled (msgfmt) to fla_gateway.mo.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""

Message = tuple[str, ...]


@cache
def extract() -> dict[Message, set[str]]:
    """Give every message, singular or singular and plural, with the files that use it."""
    found: dict[Message, set[str]] = {}
    for message, place in [*_of_templates(), *_of_tables()]:
        found.setdefault(message, set()).add(place)
    return found


def _of_templates() -> Iterator[tuple[Message, str]]:
    options = {"extensions": ",".join(EXTENSIONS), "trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
    for path in sorted(TEMPLATES.glob("*.html")):
        with path.open("rb") as stream:
            for _, _, text, _ in babel_extract(
                stream, ("_", "gettext", "ngettext"), (), {**options, "silent": "false"}
            ):
                # What is chosen when the page is shown has no text here; it stands in a table.
                parts = (text,) if isinstance(text, str) else tuple(part for part in text or () if part is not None)
                if parts:
                    yield parts, f"fla_gateway/admin/templates/{path.name}"


def _of_tables() -> Iterator[tuple[Message, str]]:
    yield from (((text,), "fla_gateway/admin/status/messages.py") for text in messages.messages())
    yield from (((problem.title,), "fla_gateway/problems.py") for problem in PROBLEMS.values())


def pot() -> str:
    """Write the file."""
    return "\n".join([HEAD, *(_entry(message, places) for message, places in sorted(extract().items()))])


def _entry(message: Message, places: set[str]) -> str:
    lines = [f"#: {place}" for place in sorted(places)]
    if any("%(" in part for part in message):
        lines.append("#, python-format")
    lines.append(f"msgid {_quoted(message[0])}")
    lines.extend(
        [f"msgid_plural {_quoted(message[1])}", 'msgstr[0] ""', 'msgstr[1] ""'] if message[1:] else ['msgstr ""']
    )
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    Path(POT).write_text(pot(), encoding="utf-8")
