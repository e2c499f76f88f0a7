"""What a text is: English for who only prints it, code, template and arguments for who translates it."""

import json
import pickle
from pathlib import Path

import pytest

from fla_gateway.i18n.message import LONGEST_ARGUMENT, NOTHING, Message, Text

DUTCH = {
    "{path} is empty": "{path} is leeg",
    "{message} ({cure})": "{message}: {cure}",
    "write to {path}": "schrijf in {path}",
    "with another placeholder {path}": "{pad}",
    "with a format {path}": "{path",
}


def dutch(template: str) -> str:
    """Look a template up."""
    return DUTCH.get(template, template)


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
    assert whole.translated(dutch) == "a is leeg: schrijf in a"


@pytest.mark.parametrize(
    "template", ["not in the catalogue {path}", "with another placeholder {path}", "with a format {path}"]
)
def test_a_text_that_a_catalogue_has_not_stays_english(template):
    """It is not there, or its placeholders are other ones: a mistake of a translator makes no error."""
    assert Text(template, path="a").translated(dutch) == template.format(path="a")


def test_the_empty_text_is_in_no_catalogue():
    """Under the empty template gettext has the head of the catalogue."""
    assert NOTHING.translated(lambda _: "Project-Id-Version: 1") == ""


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
