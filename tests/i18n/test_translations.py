"""Every text of the sources can be translated, and every translation is whole."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.i18n.catalogues import DOMAIN, FOLDER, load
from fla_gateway.i18n.message import Plural, Text
from fla_gateway.network.broken_rule import broken_rule
from tests.support.messages import POT, extract, pot
from tests.support.texts import texts
from tests.support.translations import objections


def test_the_template_for_translators_is_current():
    """The .pot file has the messages of sources and templates, no more and no fewer."""
    assert POT.read_text(encoding="utf-8") == pot(), "run: make messages"


def test_babel_finds_every_text_of_the_sources():
    """Whatever makes a text, its template is in the file for translators, codes with theirs, plurals with both."""
    wanted = {
        found.template if found.plural is None else (found.template, found.plural)
        for found in texts()
        if found.template is not None and found.template.strip("{}_").strip()
    }
    placeholders_alone = {it for it in wanted if isinstance(it, str) and it.startswith("{") and it.endswith("}")}
    assert wanted - placeholders_alone <= set(extract())


@pytest.mark.parametrize("po", sorted(FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po")), ids=str)
def test_a_translation_is_whole(po):
    """Nothing is missing, stale, unsure, or has another placeholder, and it is compiled."""
    assert list(objections(po)) == []


@pytest.fixture
def language(tmp_path):
    """Give the folder of a language, and what writes its files."""
    folder = tmp_path / "nl" / "LC_MESSAGES"
    folder.mkdir(parents=True)

    def write(changes, stale=()):
        catalogue = Catalog(locale="nl")
        for it in extract():
            said = changes.get(it, it)
            catalogue.add(it, said if isinstance(it, str) else tuple(said))
        for it in stale:
            catalogue.add(it, it)
        with (folder / f"{DOMAIN}.po").open("wb") as po, (folder / f"{DOMAIN}.mo").open("wb") as mo:
            write_po(po, catalogue)
            write_mo(mo, catalogue)
        return folder / f"{DOMAIN}.po"

    return write


CHANGES = {
    "more than {most} fields": "meer dan {most} velden",
    ("{count} day ago", "{count} days ago"): ("gisteren", "{count} dagen geleden"),
}


def test_a_language_needs_its_two_files_alone(language, tmp_path):
    """What a catalogue has is said in its language, wherever it was written, and whatever the number is."""
    assert list(objections(language(CHANGES))) == []
    dutch = load("nl", tmp_path)
    rule = broken_rule(ProtocolError("head-too-large", "more than {most} fields", most=100))
    assert Text("{rule}.", rule=rule).translated(dutch) == "meer dan 100 velden."
    days = [Plural("{count} day ago", "{count} days ago", count=count).translated(dutch) for count in (1, 2)]
    assert days == ["gisteren", "2 dagen geleden"]


@pytest.mark.parametrize(
    ("changes", "stale", "said"),
    [
        ({"more than {most} fields": ""}, (), "untranslated: more than {most} fields"),
        ({"more than {most} fields": "{meest}"}, (), "another placeholder: {meest}"),
        ({"more than {most} fields": "{most"}, (), "another placeholder: {most"),
        ({}, ("gone {path}",), "stale: gone {path}"),
    ],
)
def test_a_translation_that_is_not_whole_is_noticed(language, changes, stale, said):
    """The check above would find each of these."""
    assert list(objections(language(changes, stale))) == [said]


def test_a_translation_that_is_not_compiled_anew_is_noticed(language):
    """What is shipped is the .mo file."""
    po = language(CHANGES)
    mo = po.with_suffix(".mo").read_bytes()
    language({})
    po.with_suffix(".mo").write_bytes(mo)
    assert list(objections(po)) == ["compiled from another version"]
    po.with_suffix(".mo").unlink()
    assert list(objections(po)) == ["not compiled"]
