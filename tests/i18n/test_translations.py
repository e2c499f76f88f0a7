"""Every text of the sources can be translated, and every translation is whole."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.i18n.catalogues import DOMAIN, load
from fla_gateway.i18n.message import Plural, Text
from fla_gateway.network.broken_rule import broken_rule
from tests.support.messages import POT, Message, extract, pot
from tests.support.texts import texts
from tests.support.translations import COMPLETE, PLURALS, files, language_of, objections, update


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


@pytest.mark.parametrize("po", files(), ids=language_of)
def test_a_translation_is_whole(po):
    """Nothing is missing, stale, unsure, or has another placeholder, and it is compiled."""
    assert list(objections(po, extract(), complete=language_of(po) in COMPLETE)) == [], "run: make translations"


def test_every_language_that_is_complete_is_there():
    """None is lost by losing its files."""
    assert set(PLURALS) == {language_of(po) for po in files()} >= COMPLETE


@pytest.fixture
def language(tmp_path):
    """Give the folder of a language, and what writes its files."""
    folder = tmp_path / "nl" / "LC_MESSAGES"
    folder.mkdir(parents=True)

    def write(changes, stale=()):
        catalogue = Catalog(locale="nl")
        for it in SOME:
            said = changes.get(it, it)
            catalogue.add(it, said if isinstance(it, str) else tuple(said))
        for it in stale:
            catalogue.add(it, it)
        with (folder / f"{DOMAIN}.po").open("wb") as po, (folder / f"{DOMAIN}.mo").open("wb") as mo:
            write_po(po, catalogue)
            write_mo(mo, catalogue)
        return folder / f"{DOMAIN}.po"

    return write


RULE = "more than {most} fields"
DAYS = ("{count} day ago", "{count} days ago")
COMMAND = "The request carries no key; `fla-gateway caller new NAME` makes one."
LABEL = "  Certificaatnaam: {name}"
TYPED = "what is typed or followed as it is differs"
OTHER = "Profiles"
SOME: dict[Message, set[str]] = {it: {"fla_gateway/some.py"} for it in (RULE, DAYS, COMMAND, LABEL, OTHER)}
CHANGES = {"more than {most} fields": "meer dan {most} velden", DAYS: ("gisteren", "{count} dagen geleden")}


def test_a_language_needs_its_two_files_alone(language, tmp_path):
    """What a catalogue has is said in its language, wherever it was written, and whatever the number is."""
    assert list(objections(language(CHANGES), SOME)) == []
    dutch = load("nl", tmp_path)
    rule = broken_rule(ProtocolError("head-too-large", "more than {most} fields", most=100))
    assert Text("{rule}.", rule=rule).translated(dutch) == "meer dan 100 velden."
    days = [Plural("{count} day ago", "{count} days ago", count=count).translated(dutch) for count in (1, 2)]
    assert days == ["gisteren", "2 dagen geleden"]


@pytest.mark.parametrize(
    ("changes", "stale", "said"),
    [
        ({RULE: ""}, (), "untranslated: more than {most} fields"),
        ({RULE: "{meest}"}, (), "another placeholder: {meest}"),
        ({RULE: "{most"}, (), "another placeholder: {most"),
        ({RULE: "meer velden"}, (), "a placeholder is missing: meer velden"),
        (
            {"more than {most} fields": "meer dan {most} velden "},
            (),
            "other white space around it: 'meer dan {most} velden '",
        ),
        ({RULE: "50 % meer dan {most}"}, (), "another percent sign: 50 % meer dan {most}"),
        ({DAYS: ("gisteren", "")}, (), f"untranslated: {DAYS}"),
        ({DAYS: ("gisteren", "dagen geleden")}, (), "a placeholder is missing: dagen geleden"),
        ({COMMAND: COMMAND.replace("caller", "beller")}, (), f"{TYPED}: {COMMAND.replace('caller', 'beller')}"),
        ({LABEL: "Certificaat: {name}"}, (), "a label of a screen is translated: Certificaat: {name}"),
        ({}, ("gone {path}",), "stale: gone {path}"),
    ],
)
def test_a_translation_that_is_not_whole_is_noticed(language, changes, stale, said):
    """The check above would find each of these."""
    assert next(iter(objections(language(changes, stale), SOME))) == said


def test_a_language_that_is_begun_may_lack_messages(language):
    """What it has is judged all the same."""
    po = language({RULE: "", OTHER: ""})
    assert list(objections(po, SOME, complete=False)) == []


def test_an_update_keeps_what_is_translated_and_what_may_come_back(language, tmp_path):
    """New messages are added, unused ones kept apart with their translation, and the .mo file follows."""
    po = language(CHANGES, stale=("gone {path}",))
    text = po.read_text(encoding="utf-8")
    po.write_text(text.replace('msgid "more than {most} fields"', 'msgid "as it was"'), encoding="utf-8")
    update(po, SOME)
    assert list(objections(po, SOME)) == ["untranslated: more than {most} fields"]
    assert '#~ msgid "as it was"' in po.read_text(encoding="utf-8")
    assert load("nl", tmp_path).ngettext(*DAYS, 2) == "{count} dagen geleden"
    text = po.read_text(encoding="utf-8")
    po.write_text(text.replace('#~ msgid "as it was"', '#~ msgid "more than {most} fields"'), encoding="utf-8")
    update(po, SOME)
    assert list(objections(po, SOME)) == []
    twice = po.read_bytes(), po.with_suffix(".mo").read_bytes()
    update(po, SOME)
    assert (po.read_bytes(), po.with_suffix(".mo").read_bytes()) == twice


@pytest.mark.parametrize(("tongue", "singular"), [("nl", {1}), ("fr", {0, 1})])
def test_a_language_has_its_own_plurals(tmp_path, tongue, singular):
    """French has the singular for none as well."""
    po = tmp_path / tongue / "LC_MESSAGES" / f"{DOMAIN}.po"
    update(po, SOME)
    text = po.read_text(encoding="utf-8")
    of_days = "".join(f'msgid{end} "{form}"\n' for end, form in zip(("", "_plural"), DAYS, strict=True))
    assert f'{of_days}msgstr[0] ""\nmsgstr[1] ""\n' in text
    translated = text.replace(
        f'{of_days}msgstr[0] ""\nmsgstr[1] ""', f'{of_days}msgstr[0] "a"\nmsgstr[1] "b {{count}}"'
    )
    po.write_text(translated, encoding="utf-8")
    update(po, SOME)
    catalogue = load(tongue, tmp_path)
    assert {n for n in range(3) if catalogue.ngettext(*DAYS, n) == "a"} == singular


def test_a_translation_that_is_not_compiled_anew_is_noticed(language):
    """What is shipped is the .mo file."""
    po = language(CHANGES)
    mo = po.with_suffix(".mo").read_bytes()
    language({})
    po.with_suffix(".mo").write_bytes(mo)
    assert list(objections(po, SOME)) == ["compiled from another version"]
    po.with_suffix(".mo").unlink()
    assert list(objections(po, SOME)) == ["not compiled"]
