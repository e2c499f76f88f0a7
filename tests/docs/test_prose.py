"""Docstrings, comments and pages are written in the plain words of the field; see docs/glossary.md."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT
from tests.support.messages import Message, extract

pytestmark = pytest.mark.source

WORDS = {
    "a program is called it": r"\b(?:he|him|his|himself|whom|whose fate)\b",
    "name the caller, the operator, the peer or the client": r"\b(?:some|no|any|every)body\b|\bwho(?:so)?ever\b",
    "say logs, reports, returns or raises": r"\b(?:tells?|told|telling)\b",
    "say unauthenticated client or unknown caller": r"\bstrangers?\b",
    "say is, or where it is": r"\b(?:stands?(?!-in\b)|stood|lies|lied)\b",
    "old words": r"\b(?:of yore|at hand|comes? to be|dear|eldest|upon|thereof|whence|hence|behold|naught)\b",
}
"""What to write in place of the words, and the words."""

EXCEPTIONS: dict[str, tuple[str, ...]] = {
    "docs/glossary.md": ("stranger", "strangers"),
    "docs/metrics.md": ("stranger", "strangers"),
    "docs/audit.md": ("stranger", "strangers"),
    "docs/logs.md": ("stranger", "strangers"),
    "docs/status.md": ("stranger", "strangers"),
}
"""Public words (values of metrics, journal and status), by file; they change only with a version."""

PUBLIC_NAMES = {
    f"fla_gateway/journal/{module}.py: STRANGERS" for module in ("format/line_format", "writer/housekeeping")
}
"""Names of public words."""

UNFINISHED: dict[str, int] = {}
"""Files that still have words of the list, and how many; only ever made smaller."""

FILES = {str(path.relative_to(ROOT)): path for path in (*sorted((ROOT / "fla_gateway").rglob("*.py")), *PAGES)}
_ANY = re.compile("|".join(WORDS.values()), re.IGNORECASE)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""Of a name: words between underscores, and those that begin with a capital letter."""


def prose(path: Path, text: str) -> Iterator[str]:
    """Give the docstrings and comments of a module, or a page without its code."""
    if path.suffix == ".md":
        yield re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$|^ {4}[^\n]*$", "", text, flags=re.MULTILINE | re.DOTALL))
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
            yield re.sub(r"``?[^`\n]*``?", "", token.string)


def found(name: str) -> list[str]:
    """Give the words of the list that a file has, with what to write in their place."""
    allowed = EXCEPTIONS.get(name, ())
    text = FILES[name].read_text(encoding="utf-8")
    if _ANY.search(text) is None:
        return []  # as most: to take them all apart takes seconds
    return [
        f"{match[0]}: {advice}"
        for text in prose(FILES[name], text)
        for advice, words in WORDS.items()
        for match in re.finditer(words, text, re.IGNORECASE)
        if match[0].lower() not in allowed
    ]


def test_prose_is_plain():
    """No file has a word of the list, but for its exceptions and what is left to be rewritten."""
    words = {name: found(name) for name in FILES}
    assert {name: them for name, them in words.items() if len(them) > UNFINISHED.get(name, 0)} == {}


def test_names_are_plain():
    """No name of the program has a word of the list as one of its parts, but for those of public words."""
    found = {
        f"{name}: {identifier}"
        for name, path in FILES.items()
        if path.suffix == ".py"
        for identifier in _ill_named(path.read_text(encoding="utf-8"))
    }
    assert found == PUBLIC_NAMES


def _ill_named(text: str) -> set[str]:
    words = {it for it in re.findall(r"\w+", text) if _ANY.search("-".join(_PARTS.findall(it)))}
    return words and words & set(re.findall(r"\w+", _code(text)))


def _code(text: str) -> str:
    """Leave out docstrings, comments and the texts of strings, as far as lines show them."""
    return re.sub(r'"""[\s\S]*?"""|#[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', "", text)


def test_texts_that_people_read_are_plain():
    """No message of the program has a word of the list either."""
    assert {
        text for message in extract() for text in _texts(message) if _ANY.search(re.sub(r"`[^`]*`", "", text))
    } == set()


def _texts(message: Message) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else message


def test_no_exception_is_left_over():
    """A file that was rewritten has its number lowered, and a file that is gone is not listed."""
    assert {name: len(found(name)) for name in UNFINISHED if name in FILES} == UNFINISHED
