"""Adapter: the page for the person at ChaMan, as HTML to print and as text.

Owns how it looks. Refuses to know what it says (`chaman_steps`). The HTML is one file without a script and without
anything from elsewhere, so that it can be sent by mail and opened by a browser that trusts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from fla_gateway.i18n.message import Text
from fla_gateway.i18n.paragraphs import broken
from fla_gateway.onboarding.chaman_steps import Page

FIRST: Final = Text("Before you begin")
STEPS: Final = Text("In ChaMan")
BACK: Final = Text("To be sent back")
REMARKS: Final = Text("Good to know")
_WIDTH: Final = 100

Say = Callable[[str], str]
"""Says a text in the language of the reader."""


def html(page: Page, say: Say, language: str) -> str:
    """Write it as HTML.

    Args:
        page: what it says.
        say: see `Say`.
        language: as in RFC 5646.
    """
    headings = {"first": FIRST, "steps": STEPS, "back": BACK, "remarks": REMARKS}
    spoken = {name: say(text) for name, text in headings.items()}
    return _templates().get_template("for_chaman.html").render(page=page, say=say, language=language, headings=spoken)


def lines(page: Page, say: Say) -> Iterator[str]:
    """Write it as lines of text."""
    yield say(page.title)
    yield ""
    width = max(len(say(label)) for label, _ in page.facts)
    for label, value in page.facts:
        yield f"  {say(label):<{width}}  {say(value)}"
    if page.first:
        yield f"\n{say(FIRST)}\n"
        for one in page.first:
            yield f"  [ ] {say(one.title)}"
            for text in one.lines:
                yield from _wrapped(say(text), "      ")
    yield f"\n{say(STEPS)}\n"
    for number, step in enumerate(page.steps, start=1):
        yield from _wrapped(say(step.text), "      ", f"  {number:>2}. ")
        for text in step.remarks:
            yield from _wrapped(say(text), "      ")
    yield f"\n{say(BACK)}\n"
    for text in page.back:
        asked = say(Text("{label}:", label=text))
        yield f"  {asked} {'_' * 40}"
    yield f"\n{say(REMARKS)}\n"
    for text in page.remarks:
        yield from _wrapped(say(text), "    ", "  - ")


def _wrapped(text: str, indent: str, first: str = "") -> list[str]:
    return broken(text, _WIDTH, first=first or indent, further=indent)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("fla_gateway.onboarding"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
