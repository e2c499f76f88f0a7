"""Rule: where a paragraph may be broken into lines.

Owns the one place that French has more than others: the blank before a colon, a semicolon, a question mark or an
exclamation mark, after which no line may begin. Refuses to know how wide a line is, and what it says.
"""

from __future__ import annotations

import re
import textwrap
from typing import Final

_KEPT_TOGETHER: Final = re.compile(r" (?=[:;?!»](?:\s|$))|(?<=«) ")
_UNBREAKABLE: Final = "\u00a0"


def broken(paragraph: str, width: int, *, first: str = "", further: str = "") -> list[str]:
    """Break a paragraph into lines, never within a word: it may be an address or a command.

    Args:
        paragraph: without line breaks.
        width: of a line with what it begins with.
        first: what the first line begins with.
        further: what every other line begins with.
    """
    lines = textwrap.wrap(
        _KEPT_TOGETHER.sub(_UNBREAKABLE, paragraph),
        width,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_UNBREAKABLE, " ") for line in lines]
