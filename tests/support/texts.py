"""The texts of the program, found in its source as babel will find them."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import fla_gateway

SOURCE = Path(fla_gateway.__file__).parent
KINDS = {"Text": 0, "Message": 1, "Sentence": 0, "Plural": 0, "ProtocolError": 1}
"""How many arguments come before the template; a plural has two."""


class Found(NamedTuple):
    """One `Text` or `Message` of the source.

    Attributes:
        place: file and line.
        area: the first package, or the module itself.
        code: of a message; None of other texts, and of a code that is no literal.
        template: None if it is no literal.
        plural: that of a plural; None of other texts, and if it is no literal.
        arguments: names of its arguments; None if they are not written one by one.
    """

    place: str
    area: str
    kind: str
    code: str | None
    template: str | None
    plural: str | None
    arguments: frozenset[str] | None


def modules(*names: str, below: Path = SOURCE) -> Iterator[tuple[Path, str]]:
    """Read the modules that call such names, but that of texts; the sandbox plays another program, in its words.

    To take all modules apart takes seconds.
    """
    mentioned = re.compile(rf"\b(?:{'|'.join(names)})\(")
    for path in sorted(below.rglob("*.py")):
        if "sandbox" in path.parts or path == SOURCE / "i18n/message.py":
            continue
        text = path.read_text(encoding="utf-8")
        if mentioned.search(text) is not None:
            yield path, text


def calls(*names: str, below: Path = SOURCE) -> Iterator[tuple[Path, ast.Call]]:
    """Find the calls of such names."""
    for path, text in modules(*names, below=below):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and called(node) in names:
                yield path, node


@cache
def texts(package: str = "") -> tuple[Found, ...]:
    """Find every text, or those of one package."""
    return tuple(_found(path, call) for path, call in calls(*KINDS, below=SOURCE / package))


def called(call: ast.Call) -> str:
    """Name what is called."""
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def placeholders(template: str) -> list[tuple[str, str, str]]:
    """List the placeholders of a template: name, conversion and format."""
    return [
        (name, conversion or "", form or "")
        for _, name, form, conversion in string.Formatter().parse(template)
        if name is not None
    ]


def _found(path: Path, call: ast.Call) -> Found:
    kind = called(call)
    before = KINDS[kind]
    is_plural = kind == "Plural"
    given = [_literal(it) for it in call.args]
    named = [it.arg for it in call.keywords]
    inside = path.relative_to(SOURCE)
    return Found(
        f"{inside}:{call.lineno}",
        inside.parts[0].removesuffix(".py"),
        kind,
        given[0] if before and given else None,
        given[before] if len(given) == before + 1 + is_plural else None,
        given[-1] if is_plural and given else None,
        None if None in named else frozenset(it for it in named if it is not None),
    )


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def table(area: str) -> str:
    """Write the rows of docs/faults.md for a package: each code with its template."""
    rows = {found.code: found.template for found in texts() if found.kind == "Message" and found.area == area}
    return "\n".join(f"| `{code}` | {template} |" for code, template in sorted(rows.items()) if code and template)
