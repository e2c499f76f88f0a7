"""What a command prints is a text, so that it can be said in each language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.texts import KINDS, SOURCE, called

pytestmark = pytest.mark.source

PROSE = re.compile(r"[A-Za-z']{2,}[,;:]? (?:[a-z']{2,}|\{\})[,;:]? (?:[a-z']{2,}|\{\})")
"""Three words: what is shorter may be a name."""
PLACES = ("cli", "diagnosis", "journal/reader", "keys/certificates", "onboarding")
"""Where texts for people are made; elsewhere those of `CARRIERS` in test_texts_of_the_source are looked at."""
EXCEPTIONS = {
    "cli/demonstration/sandbox_configuration.py": "comments of a configuration, the same in every language",
    "cli/version.py": "lines of the public contract: docs/commands.md",
    "onboarding/labels.py": "labels of the screens, each in its own languages",
    "onboarding/folder.py": "a comment in the file of answers",
    "keys/certificates/rule_report.py": "headings of the manual, in Dutch",
}
"""Files with prose that is not translated, and why."""
COMMANDS = (
    "header {} claims {}",
    "fla-gateway ",
    "curl ",
    "openssl ",
    "printf ",
    "    fla-gateway ",
    "https://",
    "www.",
    "SELECT ",
)


@pytest.mark.parametrize("place", PLACES)
def test_prose_of_commands_is_made_of_texts(place):
    """A sentence that is a plain string, or is put together by an f-string, has no template to translate."""
    bare = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in sorted((SOURCE / place).rglob("*.py"))
        if str(path.relative_to(SOURCE)) not in EXCEPTIONS
        for line, text in bare_prose(path.read_text(encoding="utf-8"))
        if not text.startswith(COMMANDS)
    ]
    assert bare == []


def test_no_exception_is_left_over():
    """Each is a file that is there, and has such prose."""
    there = {it: SOURCE / it for it in EXCEPTIONS}
    assert [it for it, path in there.items() if not path.exists() or not [*bare_prose(path.read_text("utf-8"))]] == []


def test_what_argparse_is_told_of_a_wrong_value_is_said_in_the_language():
    """It prints the message of its own error as it is."""
    bare = [
        f"{path.relative_to(SOURCE)}:{call.lineno}"
        for path, call in _calls("ArgumentTypeError")
        if not (isinstance(call.args[0], ast.Call) and called(call.args[0]) == "shown")
    ]
    assert bare == []


def test_a_text_is_said_before_it_is_printed():
    """`print` would take a text for its English: a text goes to `say` or `complain`, or through `shown`."""
    bare = [
        f"{path.relative_to(SOURCE)}:{call.lineno}"
        for path, call in _calls("print", "write")
        for argument in call.args
        if isinstance(argument, ast.Call) and called(argument) in KINDS
    ]
    assert bare == []


def test_the_search_finds_bare_prose():
    """The checks above would notice a sentence, also one with values in it, and no name, text or docstring."""
    source = '''
def run():
    """A docstring that is prose."""
    print("a plain sentence of words", f"{count} of them are missing", "audit show", Text("a sentence that is a text"))
'''
    assert [text for _, text in bare_prose(source)] == ["a plain sentence of words", "{} of them are missing"]


def bare_prose(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and words of each string with prose that is neither a docstring nor within a text."""
    tree = ast.parse(source)
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))
        elif isinstance(node, ast.Call) and called(node) in {*KINDS, "compile", "TypeError", "ValueError"}:
            passed.update(map(id, ast.walk(node)))
        elif isinstance(node, ast.JoinedStr):
            passed.update(map(id, node.values))
    for node in ast.walk(tree):
        text = _words(node)
        if id(node) not in passed and PROSE.search(re.sub(r"`[^`]*`", "", text)):
            yield node.lineno, text  # type: ignore[attr-defined]


def _words(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(it.value) if isinstance(it, ast.Constant) else "{}" for it in node.values)
    return ""


def _calls(*names: str) -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted((SOURCE / "cli").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(f"{name}(" in text for name in names):
            yield from (
                (path, node)
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Call) and called(node) in names
            )
