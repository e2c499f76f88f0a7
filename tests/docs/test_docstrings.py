"""Docstrings and comments of the package say what a reader cannot see: what arguments are, and why a rule is broken."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.docs.pages import ROOT

pytestmark = pytest.mark.source

Function = ast.FunctionDef | ast.AsyncFunctionDef

FILES = {str(path.relative_to(ROOT)): path for path in sorted((ROOT / "fla_gateway").rglob("*.py"))}
FEW = 2
"""Arguments that a signature with a sentence explains well enough."""

_SECTION = re.compile(r"^Args:\n((?:(?: .*)?\n?)*)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}\*{0,2}(\w+):", re.MULTILINE)
# A port's method, or that of a library's class, is explained where it is declared.
_SAID_ELSEWHERE = re.compile(r"\b[Ss]ee `")
_DOTTED = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(\))?`(?!`)")
_TEXTS = re.compile(r'"""[\s\S]*?"""|#[^\n]*')
FOREIGN = frozenset({"asyncio", "dataclasses", "gettext", "hashlib", "ssl", "str", "web"})
"""Libraries whose names docstrings mention."""
CONFIGURATION = frozenset({"gateway.timeouts.exchange"})
"""Keys of the configuration, which are no names of the program."""

# Marks of an exception from a rule of ruff or mypy, or from the one kind of imports; and each with its reason.
_EXCEPTION = re.compile(r"# (?:noqa|type: ignore)\b|\bcast\(|^if TYPE_CHECKING:")
_WITH_REASON = re.compile(r"# noqa: [A-Z0-9, ]+ - \S|# type: ignore\[[a-z, -]+\]  # \S|(?:\bcast\(|^if TYPE).*  # \S")


def public_functions(body: list[ast.stmt], of: str = "") -> Iterator[tuple[str, Function]]:
    """Give the functions that other modules may call, methods included."""
    for it in body:
        if isinstance(it, ast.ClassDef) and not it.name.startswith("_"):
            yield from public_functions(it.body, f"{of}{it.name}.")
        elif isinstance(it, Function) and (not it.name.startswith("_") or it.name == "__init__"):
            yield f"{of}{it.name}", it


def arguments(function: Function) -> list[str]:
    """Name the arguments of a function, but for that of the object itself."""
    them = function.args
    named = [it.arg for it in (*them.posonlyargs, *them.args, *them.kwonlyargs)]
    further = [it.arg for it in (them.vararg, them.kwarg) if it is not None]
    return [it for it in (*named, *further) if it not in {"self", "cls"}]


def described(docstring: str) -> list[str]:
    """Name the arguments that a docstring describes."""
    section = _SECTION.search(docstring)
    return [] if section is None else _ENTRY.findall(section[1])


@cache
def functions() -> tuple[tuple[str, list[str], str], ...]:
    """Return each public function's place, arguments and docstring."""
    return tuple(
        (f"{name}: {function}", arguments(node), ast.get_docstring(node) or "")
        for name, path in FILES.items()
        for function, node in public_functions(ast.parse(path.read_text(encoding="utf-8")).body)
    )


def test_a_function_with_three_arguments_says_what_each_of_them_is():
    """It has a section Args, or names where its arguments are explained."""
    missing = [
        place
        for place, named, said in functions()
        if said and len(named) > FEW and not described(said) and not _SAID_ELSEWHERE.search(said)
    ]
    assert missing == []


def test_no_docstring_describes_an_argument_that_is_not_there():
    """A section Args names arguments of its function alone, so none is a memory of an earlier signature."""
    assert [
        (place, left) for place, named, said in functions() if (left := set(described(said)) - set(named)) != set()
    ] == []


def test_each_exception_from_a_rule_has_its_reason_beside_it():
    """A rule of ruff or mypy is set aside, and a type said instead of shown, with a word on the line that says why.

    Where the reason is longer, a comment on the line above has it.
    """
    bare = []
    for name, path in FILES.items():
        before = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if _EXCEPTION.search(line) and not _WITH_REASON.search(line) and not before.lstrip().startswith("#"):
                bare.append(f"{name}:{number} {line.strip()}")
            before = line
    assert bare == []


def test_what_a_docstring_names_is_there():
    """A dotted name in backquotes is that of a module with something in it, or made of names of the program."""
    words = {
        path.relative_to(ROOT / "fla_gateway").with_suffix("").parts: frozenset(
            re.findall(r"[A-Za-z_]\w*", _TEXTS.sub("", path.read_text(encoding="utf-8")))
        )
        for path in FILES.values()
    }
    modules = {part for parts in words for part in parts}
    everything = frozenset().union(*words.values())
    left = [
        f"{name}: {dotted}"
        for name, path in FILES.items()
        for dotted in _DOTTED.findall(path.read_text(encoding="utf-8"))
        if dotted.split(".")[0] not in FOREIGN and dotted not in CONFIGURATION
        if not _is_there(dotted.split("."), words, modules, everything)
    ]
    assert left == []


def _is_there(dotted: list[str], words: dict[tuple[str, ...], frozenset[str]], modules: set[str], everything) -> bool:
    for end in range(len(dotted), 0, -1):
        place, rest = tuple(dotted[:end]), set(dotted[end:])
        if any(parts[-end:] == place and rest <= found for parts, found in words.items()):
            return True
        if any(parts[: len(parts) - 1][-end:] == place for parts in words) and not rest:
            return True
    return dotted[0] not in modules and set(dotted) <= everything
