"""A page in another language is the translation of the English page as it is now."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, anchors, links
from tests.support.translated_pages import note, objection, translated_pages

pytestmark = pytest.mark.source


@pytest.mark.parametrize("page", translated_pages(), ids=lambda page: f"{page.parent.name}-{page.name}")
def test_a_translated_page_is_current_and_leads_somewhere(page):
    """Its English page has not changed since, its links name files and headings that are there."""
    assert objection(page) == "", "translate what has changed, then: python -m tests.support.translated_pages PAGE"
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_language_has_the_same_pages():
    """What is there in one of them is there in the others."""
    pages: dict[str, set[str]] = {}
    for page in translated_pages():
        pages.setdefault(page.parent.name, set()).add(page.name)
    assert all(names == set().union(*pages.values()) for names in pages.values())


def test_a_translation_that_is_older_than_its_source_is_noticed(tmp_path):
    """Also one that does not say of what it is the translation, or whose source is gone."""
    (tmp_path / "nl").mkdir()
    source, page = tmp_path / "keys.md", tmp_path / "nl" / "keys.md"
    source.write_text("# Keys\n", encoding="utf-8")
    page.write_text("# Sleutels\n", encoding="utf-8")
    assert translated_pages(tmp_path) == [page]
    assert objection(page) == "its last line names no English page"
    note(page)
    note(page)
    assert objection(page) == ""
    assert page.read_text(encoding="utf-8").startswith("# Sleutels\n\n<!-- translation of keys.md, sha256 ")
    source.write_text("# Keys\n\nNew.\n", encoding="utf-8")
    assert objection(page) == "keys.md has changed since it was translated"
    source.unlink()
    assert objection(page) == "there is no keys.md any more"
