"""docs/manual-sections.md has a place for each numbered section of the official manual, or says why there is none."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import read

pytestmark = pytest.mark.source

SECTIONS = (
    "1", "1.1", "2", "2.1", "2.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "3",
    "4", "4.1", "4.2", "4.3", "4.4", "4.4.1", "4.4.2", "5", "5.1", "5.2", "5.3",
    "6", "6.1", "6.2", "6.3", "6.3.1", "6.3.2",
)  # fmt: skip
"""The table of contents of "Opzetten kanaal REST API", 17 September 2024."""
ROW = re.compile(r"^\| (?P<number>[\d.]+) \| (?P<title>[^|]+) \| (?P<place>[^|]+) \|$", re.MULTILINE)


def test_every_section_has_its_row():
    """In the manual's order, each once, with a title and a place."""
    rows = list(ROW.finditer(read("docs/manual-sections.md")))
    assert tuple(row["number"] for row in rows) == SECTIONS
    assert [row["number"] for row in rows if len(row["place"]) < 20] == []
