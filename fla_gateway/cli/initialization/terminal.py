"""Adapter: the conversation on a terminal.

Owns how a question looks and how its answer is read. Refuses to know the questions. What is printed here is for a
person, in the language of the command; the end of the input is taken as leaving.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final

from fla_gateway.cli.output.language import shown
from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Text
from fla_gateway.i18n.paragraphs import broken
from fla_gateway.onboarding.question import Question

BACK: Final = "<"
_WIDEST: Final = 100
"""Longer lines are hard to read, whatever the terminal's width."""
_NARROWEST: Final = 40
_YES: Final = frozenset(("y", "yes", "j", "ja", "o", "oui"))
"""In English, Dutch and French."""
INTRODUCTION: Final = Text(
    "Enter takes the default; several answers are separated by commas; < goes back; Ctrl-C leaves, and the next start "
    "in the same folder goes on."
)


def is_there() -> bool:
    """Return whether there is a terminal to ask on."""
    return bool(sys.stdin and sys.stdin.isatty())


def _width() -> int:
    """Return the length of a line: what the terminal has room for, within reason."""
    import shutil  # noqa: PLC0415 - what is not asked on a terminal needs it not

    return min(_WIDEST, max(_NARROWEST, shutil.get_terminal_size((_WIDEST, 24)).columns))


def say(text: str, indent: str = "", hanging: str = "") -> None:
    """Print a paragraph, wrapped.

    Args:
        text: one paragraph, or several with line breaks between them.
        indent: what each line begins with.
        hanging: what the first line begins with instead.
    """
    for paragraph in shown(text).split("\n"):
        print("\n".join(broken(paragraph, _width(), first=hanging or indent, further=indent)), flush=True)


def say_all(texts: Iterable[str], indent: str = "") -> None:
    """Print paragraphs."""
    for text in texts:
        say(text, indent)


def line(text: str = "") -> None:
    """Print a line as it is: one to be pasted, or an empty one."""
    print(text, flush=True)


def ask(question: Question, *, optional: bool = False) -> str | None:
    """Ask until the answer will do.

    Args:
        question: see there.
        optional: whether nothing is an answer, for a question without a default.

    Returns:
        The answer; `BACK` to go back; None for nothing.

    Raises:
        KeyboardInterrupt: the input has ended.
    """
    line()
    say(question.text)
    say_all(question.explanation, "    ")
    width = max((len(choice.value) for choice in question.choices), default=0)
    for number, choice in enumerate(question.choices, start=1):
        head = f"  {number:>2}  {choice.value:<{width}}  "
        say(choice.text, " " * (len(head) if 2 * len(head) < _width() else 8), head)
    while True:
        typed = _typed(question.default)
        if typed == BACK:
            return BACK
        if not typed and question.default is not None:
            return question.default
        if not typed and optional:
            return None
        try:
            return question.answer(typed)
        except InvalidValueError as error:
            say(error.message, "    ")


def agrees(text: Text) -> bool:
    """Ask for a yes; everything else is a no."""
    line()
    say(text)
    return _typed("no").lower() in _YES


def _typed(default: str | None) -> str:
    prompt = f"[{default}] > " if default else "> "
    print(prompt, end="", flush=True)
    typed = sys.stdin.readline()
    if not typed:
        line()
        raise KeyboardInterrupt
    return typed.strip()
