"""Pages of docs/ in other languages, each with the hash of the English page that it was made from.

After the English page has changed, and its translation with it:
`python -m tests.support.translated_pages docs/nl/NAME.md`.
"""

from __future__ import annotations

import re
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.support.translations import PLURALS

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
_NOTE: Final = re.compile(r"\n<!-- translation of ([a-z-]+\.md), sha256 ([0-9a-f]{64}) -->\n\Z")


def translated_pages(docs: Path = DOCS) -> list[Path]:
    """List the pages in other languages."""
    return sorted(page for language in PLURALS for page in (docs / language).glob("*.md"))


def objection(page: Path) -> str:
    """Say what is wrong with a translated page; empty if it was made from the English page as it is."""
    noted = _NOTE.search(page.read_text(encoding="utf-8"))
    if noted is None or noted[1] != page.name:
        return "its last line names no English page"
    source = page.parent.parent / page.name
    if not source.is_file():
        return f"there is no {source.name} any more"
    return "" if noted[2] == _hash(source) else f"{source.name} has changed since it was translated"


def note(page: Path) -> None:
    """Write into a page that it was made from the English one as it is now."""
    text = _NOTE.sub("", page.read_text(encoding="utf-8")).rstrip("\n")
    of_source = _hash(page.parent.parent / page.name)
    page.write_text(f"{text}\n\n<!-- translation of {page.name}, sha256 {of_source} -->\n", encoding="utf-8")


def _hash(page: Path) -> str:
    return sha256(page.read_bytes()).hexdigest()


if __name__ == "__main__":
    for named in sys.argv[1:]:
        note(Path(named))
