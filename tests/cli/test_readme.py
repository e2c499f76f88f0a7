"""The README and docs/commands.md list the commands as the program has them.

`python -m tests.cli.documents` prints the texts to paste.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fla_gateway.cli import exit_codes
from tests.cli.documents import README_BEGIN, README_END, command_parsers, command_sections, readme_block

ROOT = Path(__file__).parents[2]


def test_readme_lists_every_command():
    """The block between the marks of the README is the program's list of commands, word for word."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert README_BEGIN in text, f"the README needs this block:\n{readme_block()}"
    start, end = text.index(README_BEGIN), text.index(README_END) + len(README_END)
    assert text[start:end] == readme_block()


@pytest.fixture(scope="module")
def commands_document():
    """The text of docs/commands.md."""
    return (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", command_parsers())
def test_document_has_each_command_with_its_arguments(name, commands_document):
    """docs/commands.md has a section for each command whose table is what the program takes."""
    assert command_sections()[name] + "\n" in commands_document


def test_document_has_no_other_commands(commands_document):
    """docs/commands.md describes nothing that does not exist, in the program's order."""
    assert re.findall(r"^## fla-gateway ([\w ]+)$", commands_document, re.MULTILINE) == list(command_parsers())


def test_document_lists_the_exit_codes(commands_document):
    """docs/commands.md gives every exit code."""
    codes = {value for name, value in vars(exit_codes).items() if name.isupper()}
    assert set(map(int, re.findall(r"^\| (\d+) \|", commands_document, re.MULTILINE))) == codes
