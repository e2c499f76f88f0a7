"""What a text is: English for who only prints it, code, template and arguments for who translates it."""

import json
import pickle
from pathlib import Path

import pytest

from fla_gateway.i18n.message import LONGEST_ARGUMENT, NOTHING, Message, Plural, Sentence, Text, joined

DUTCH = {
    "{path} is empty": "{path} is leeg",
    "{message} ({cure})": "{message}: {cure}",
    "write to {path}": "schrijf in {path}",
    "with another placeholder {path}": "{pad}",
    "with a format {path}": "{path",
}


PLURALS = {"{count} file of {owner}": "{count} bestand van {owner}", "{count} files of {owner}": "{count} bestanden"}


class Dutch:
    """A catalogue."""

    def gettext(self, message):
        """Look a template up."""
        return DUTCH.get(message, message)

    def ngettext(self, msgid1, msgid2, n):
        """Look the template up that fits."""
        template = msgid1 if n == 1 else msgid2
        return PLURALS.get(template, template)


DUTCH_CATALOGUE = Dutch()


def test_a_text_is_its_english():
    """Whatever prints, logs or writes it as JSON needs to know nothing of templates."""
    message = Message("file-empty", "{path} is empty", path=Path("/etc/a.pem"))
    assert message == f"{message}" == "/etc/a.pem is empty"
    assert json.dumps({"message": message}) == '{"message": "/etc/a.pem is empty"}'
    assert (message.code, message.template, message.arguments) == (
        "file-empty",
        "{path} is empty",
        {"path": "/etc/a.pem"},
    )


def test_a_text_within_a_text_is_translated_with_it():
    """The whole sentence is of one language."""
    whole = Text(
        "{message} ({cure})",
        message=Message("file-empty", "{path} is empty", path="a"),
        cure=Text("write to {path}", path="a"),
    )
    assert whole == "a is empty (write to a)"
    assert whole.translated(DUTCH_CATALOGUE) == "a is leeg: schrijf in a"


@pytest.mark.parametrize(
    "template", ["not in the catalogue {path}", "with another placeholder {path}", "with a format {path}"]
)
def test_a_text_that_a_catalogue_has_not_stays_english(template):
    """It is not there, or its placeholders are other ones: a mistake of a translator makes no error."""
    assert Text(template, path="a").translated(DUTCH_CATALOGUE) == template.format(path="a")


def test_the_empty_text_is_in_no_catalogue():
    """Under the empty template gettext has the head of the catalogue."""

    class Head(Dutch):
        def gettext(self, message):
            return message or "Project-Id-Version: 1"

    assert NOTHING.translated(Head()) == ""


def test_a_number_chooses_the_template():
    """One has a template of its own, in English and in each language; an argument that is left out is no mistake."""
    one, three = (Plural("{count} file of {owner}", "{count} files of {owner}", count=n, owner="a") for n in (1, 3))
    assert (one, three) == ("1 file of a", "3 files of a")
    assert one.translated(DUTCH_CATALOGUE) == "1 bestand van a"
    assert three.translated(DUTCH_CATALOGUE) == "3 bestanden"


def test_a_clause_becomes_a_sentence_in_each_language():
    """Who names a rule needs not know whether it is a sentence of its own."""
    rule = Sentence("{rule}", rule=Text("{path} is empty", path="a"))
    assert rule == "A is empty."
    assert rule.translated(DUTCH_CATALOGUE) == "A is leeg."


def test_texts_are_put_one_behind_the_other():
    """Each is translated, the empty ones leave no separator, and what is no text stays."""
    whole = joined((NOTHING, Text("{path} is empty", path="a"), "b"), "; ")
    assert whole == "a is empty; b"
    assert whole.translated(DUTCH_CATALOGUE) == "a is leeg; b"


def test_braces_of_an_argument_are_no_placeholders():
    """An argument is put in as it is, wherever it comes from."""
    assert Text("{name} is unknown", name="{name.__class__}") == "{name.__class__} is unknown"


def test_an_argument_is_printable_and_bounded():
    """A path or name may be chosen by another: no line breaks, no directional marks, no end of memory."""
    assert Text("{path}", path="a\n\x1b[31m\u202e") == "a\\n\\x1b[31m\\u202e"
    assert len(Text("{path}", path="a" * 10_000_000)) == LONGEST_ARGUMENT + len("...")


def test_a_text_passes_between_processes():
    """Keys are loaded in children, which say why one cannot be used."""
    message = Message("file-empty", "{path} is empty", path="a")
    received = pickle.loads(pickle.dumps(message))  # noqa: S301 - made here
    assert (received, type(received), received.code, received.arguments) == (
        message,
        Message,
        "file-empty",
        {"path": "a"},
    )
    files = Plural("{count} file of {owner}", "{count} files of {owner}", count=2, owner="a")
    assert pickle.loads(pickle.dumps(files)).translated(DUTCH_CATALOGUE) == "2 bestanden"  # noqa: S301 - made here
