"""The pages that people read, taken apart for the tests: fenced blocks, links, headings, table rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FRONT = ("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md")
RECIPES = tuple(sorted((ROOT / "docs/recipes").glob("*.md")))
PAGES = (*(ROOT / name for name in FRONT), *sorted((ROOT / "docs").glob("*.md")), *RECIPES)

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)


def read(name: str) -> str:
    """Give the text of a page by its path from the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> Iterator[str]:
    """Give the fenced code blocks of a language."""
    for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
        if match["language"] == language:
            yield match["text"]


def links(page: Path) -> Iterator[str]:
    """Give the targets of a page's links, code left out."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))
    for match in _LINK.finditer(prose):
        yield match["target"]


def anchors(page: Path) -> set[str]:
    """Give the anchors that GitHub makes of a page's headings."""
    headings = (match["text"].lower() for match in _HEADING.finditer(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def rows(text: str) -> Iterator[list[str]]:
    """Give the cells of every table row whose first cell is code."""
    for line in text.splitlines():
        if line.startswith("| `"):
            # A bar within code is written as \| in a table.
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
