"""A command speaks the language of its environment, as far as it is there."""

from __future__ import annotations

import argparse
import contextvars
import gettext
import re
from gettext import NullTranslations
from typing import get_args, get_type_hints

import pytest

from fla_gateway.cli.language_option import LANGUAGES, split
from fla_gateway.cli.main import build_parser, execute
from fla_gateway.cli.output.language import OF_ARGPARSE, language_of, shown, speak, spoken_in, translate_help
from fla_gateway.cli.output.language import language as spoken_now
from fla_gateway.config.gateway_tables import Gateway
from fla_gateway.i18n.catalogues import ENGLISH, Spoken, spoken_languages
from fla_gateway.i18n.message import Plural, Text

THERE = frozenset({"en", "nl", "fr"})


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "nl_BE.UTF-8"}, "nl"),
        ({"LANG": "nl_BE.UTF-8", "LC_MESSAGES": "fr_BE@euro"}, "fr"),
        ({"LANG": "nl_BE.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "nl_BE.UTF-8", "LC_ALL": ""}, "nl"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
    ],
)
def test_the_language_is_that_of_the_environment(environ, language):
    """POSIX, XBD, section 8.2: LC_ALL before LC_MESSAGES before LANG; an empty one counts as none."""
    assert language_of(environ, THERE) == language


@pytest.mark.parametrize(
    ("words", "language", "rest"),
    [
        ([], "", []),
        (["check"], "", ["check"]),
        (["--lang", "nl", "check", "--json"], "nl", ["check", "--json"]),
        (["check", "--lang=fr"], "fr", ["check"]),
        (["audit", "--lang", "fr", "show", "--lang", "nl"], "nl", ["audit", "show"]),
        (["check", "--lang", "de"], "", ["--lang", "de", "check"]),
        (["check", "--lang"], "", ["--lang", "check"]),
        (["caller", "--", "--lang", "nl"], "", ["caller", "--", "--lang", "nl"]),
    ],
)
def test_the_option_is_taken_from_wherever_it_is(words, language, rest):
    """Before or behind the command, the last one; what is no language is left for argparse to refuse."""
    assert split(words) == (language, rest)


@pytest.mark.parametrize("words", [["--lang", "nl", "catalog"], ["catalog", "--lang=nl"]])
def test_the_option_comes_before_the_environment(words, monkeypatch, capsys):
    """The language of a command is that of its own line first."""
    monkeypatch.setenv("LC_ALL", "fr_BE.UTF-8")
    seen = contextvars.copy_context()
    assert seen.run(execute, words) == 0
    assert seen.run(spoken_now) == "nl"
    seen = contextvars.copy_context()
    assert seen.run(execute, ["catalog"]) == 0
    assert seen.run(spoken_now) == "fr"


@pytest.mark.parametrize("words", [["--lang", "de", "catalog"], ["catalog", "--lang", "de"], ["catalog", "--lang"]])
def test_a_language_that_is_not_there_is_wrong_use(words, capsys):
    """It is said in a sentence, with those that there are."""
    with pytest.raises(SystemExit) as ended:
        contextvars.copy_context().run(execute, words)
    assert ended.value.code == 2
    assert "--lang" in capsys.readouterr().err


class Marked(NullTranslations):
    """A language in which every message is marked."""

    def gettext(self, message):
        """Mark a message."""
        return f"⟦{message}⟧"

    def ngettext(self, msgid1, msgid2, n):
        """Mark the one that fits."""
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


@pytest.fixture
def marked():
    """Give what runs a function in that language; argparse speaks English again afterwards."""

    def run(function):
        def speaking():
            speak(Spoken("xx", Marked()))
            return function()

        return contextvars.copy_context().run(speaking)

    yield run
    vars(argparse).update(_=gettext.gettext, ngettext=gettext.ngettext)


def test_without_a_catalogue_a_command_speaks_english():
    """Whatever the environment says."""
    assert spoken_in({"LANG": "de_DE.UTF-8"}) is ENGLISH
    assert shown(Text("{number} is wrong", number=1)) == "1 is wrong"


def test_texts_are_translated_and_what_is_no_text_is_not(marked):
    """A name, a path, a number has no template."""
    assert marked(lambda: (shown(Text("{number} is wrong", number=1)), shown("employer"))) == (
        "⟦1 is wrong⟧",
        "employer",
    )


def parsers(parser):
    """Give a parser and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for own in action.choices.values():
                yield from parsers(own)


def test_every_word_of_the_help_can_be_translated(marked, capsys):
    """Of every command: what the command says of itself, and what argparse adds."""

    def printed():
        parser = build_parser()
        translate_help(parser)
        return [it.format_help() for it in parsers(parser)]

    for page in marked(printed):
        # What is left behind the usage, beside the marks, are names: of commands, options and values.
        left = page.partition("\n\n")[2]
        while "⟦" in left:
            left = re.sub(r"⟦[^⟦⟧]*⟧", "", left)
        assert not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", left), left


def test_what_argparse_says_is_there_for_translators(marked, capsys):
    """Its texts are asked for with those of the commands."""

    def printed():
        parser = argparse.ArgumentParser(prog="x")
        parser.add_argument("name", choices=["a"])
        parser.add_argument("--number")
        translate_help(parser)
        parser.print_help()
        for words in (["b"], [], ["a", "--number"]):
            with pytest.raises(SystemExit):
                parser.parse_args(words)

    marked(printed)
    out, err = capsys.readouterr()
    listed = {it.template for it in OF_ARGPARSE} | {it.plural for it in OF_ARGPARSE if isinstance(it, Plural)}
    assert "⟦usage: ⟧" in out
    assert "⟦options⟧:" in out
    for text in ("the following arguments are required: ", "expected one argument"):
        assert f"⟦{text}" in err
        assert any(it.startswith(text) for it in listed)


def test_the_languages_of_the_option_are_those_that_are_there():
    """And those of the configuration."""
    assert set(LANGUAGES) == spoken_languages()
    assert set(get_args(get_args(get_type_hints(Gateway)["language"])[0])) == set(LANGUAGES)
