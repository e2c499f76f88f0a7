"""Help and output of the commands in Dutch and French: nothing English is left in them."""

from __future__ import annotations

import argparse
import contextvars
import gettext
import re
from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.cli.main import COMMANDS, build_parser, execute
from fla_gateway.cli.output.language import speak, translate_help
from fla_gateway.i18n.catalogues import spoken
from tests.support.journals import JournalBuilder
from tests.support.translations import COMPLETE

ENGLISH = re.compile(
    r"(?<![\w-])(?:the|which|with|from|that|this|when|and|are|into|what|does|not|without|only|each|name of)(?![\w-])"
)
"""Words that neither language has."""
TYPED = re.compile(
    r"`[^`]*`|\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)|^ +(?:[a-z]+ .* \| )?(?:fla-gateway|curl|jq|-d) .*$", re.MULTILINE
)
"""Commands and quotations, which are the same in each language."""


@pytest.fixture(params=["nl", "fr"])
def speaking(request):
    """Give a language, and what runs a function in it; argparse speaks English again afterwards."""

    def run(function):
        def in_language():
            speak(spoken(request.param))
            return function()

        return contextvars.copy_context().run(in_language)

    yield request.param, run
    vars(argparse).update(_=gettext.gettext, ngettext=gettext.ngettext)


def parsers(parser):
    """Give a parser and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for own in action.choices.values():
                yield from parsers(own)


def english(text):
    """Give the lines that have a word of English outside of what is typed."""
    return [line for line in TYPED.sub("", text).splitlines() if ENGLISH.search(line)]


def test_help_of_every_command_is_in_the_language(speaking):
    """What the commands say of themselves, what argparse adds, and its head."""
    language, run = speaking
    if language not in COMPLETE:
        pytest.skip(f"{language} is not complete yet")

    def helps():
        parser = build_parser()
        translate_help(parser)
        return {one.prog: one.format_help() for one in parsers(parser)}

    found = run(helps)
    assert len(found) > len(COMMANDS)
    assert {name: lines for name, text in found.items() if (lines := english(text))} == {}
    assert not [name for name, text in found.items() if text.startswith("usage") or "show this help" in text]


@pytest.fixture
def journal(tmp_path):
    """A journal of some minutes ago in which something failed, is in doubt and was repeated."""
    builder = JournalBuilder(tmp_path / "journal", datetime.now(UTC) - timedelta(minutes=5))
    builder.start()
    builder.post(reference="batch-17")
    builder.post(outcome="unknown", status=504, origin="network", code="upstream-timeout", received=0)
    builder.get(outcome="refused", status=403, origin="gateway", code="path-refused", attempts=0)
    return builder


@pytest.mark.parametrize(
    "words",
    [
        ["show", "--in-doubt"],
        ["verify"],
        ["verify", "--head", "0" * 64],
        ["report"],
        ["find", "85073003328"],
        ["dossier", "FOLDER"],
    ],
    ids=" ".join,
)
def test_a_command_of_the_journal_answers_in_the_language(speaking, words, journal, tmp_path, capfd):
    """On both outputs; codes, names of columns and of members stay."""
    language, _ = speaking
    folder = tmp_path / "folder"
    arguments = [str(folder) if it == "FOLDER" else it for it in words]
    (journal.directory / "mask.key").write_bytes(b"k" * 32)
    contextvars.copy_context().run(
        execute, ["--lang", language, "audit", *arguments, "--journal", str(journal.directory)]
    )
    printed = capfd.readouterr()
    # The accounts are a table of members alone.
    pages = [path.read_text(encoding="utf-8") for path in folder.glob("*.txt") if path.name != "accounts.txt"]
    assert english("\n".join([printed.out, printed.err, *pages])) == []
    assert printed.out or pages


def test_the_short_form_stays_within_its_columns(speaking, journal, capfd):
    """In whatever language: what is in the table is not translated."""
    language, _ = speaking
    words = ["--lang", language, "audit", "show", "--short", "--journal", str(journal.directory)]
    assert contextvars.copy_context().run(execute, words) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 100


def test_the_version_is_the_same_in_every_language(speaking, capsys):
    """Its lines are a contract."""
    language, _ = speaking
    for words in (["--version"], ["--lang", language, "--version"]):
        with pytest.raises(SystemExit):
            contextvars.copy_context().run(execute, words)
    first, second = capsys.readouterr().out.split("fla-gateway ")[1:]
    assert first == second
