"""docs/init-transcript.md shows what `fla-gateway init` really says."""

from __future__ import annotations

import re

import pytest

from fla_gateway.onboarding.flow import settle
from fla_gateway.onboarding.question import Context
from tests.docs.pages import ROOT, read
from tests.support.transcripts import BEGIN, END, PAGES, first_hour, written


def words_of(text):
    """Give the words: where lines are broken depends on the length of paths."""
    return re.sub(r"\d+ ms|\b[0-9.]+ s\b", "", text).split()


@pytest.mark.source
def test_every_question_of_an_employer_is_shown():
    """With its explanation, as it is in English now."""
    page = " ".join(read("docs/init-transcript.md").split())
    given = {"quality": "employer", "alert-mail": ""}
    for question in settle(given, Context(), take_defaults=False).open:
        for text in (question.text, *question.explanation):
            assert " ".join(text.split()) in page, question.id


@pytest.mark.soak
@pytest.mark.parametrize("language", PAGES)
def test_the_transcript_is_what_is_seen_now(language, tmp_path):
    """From an empty folder to the call: without an account, up to the client id, and on from there."""
    page = (ROOT / PAGES[language]).read_text(encoding="utf-8")
    shown = page[page.index(BEGIN) : page.index(END) + len(END)]
    runs = first_hour(language, tmp_path)
    assert [run.code for run in runs] == [0, 1, 0]
    assert words_of(written(runs, tmp_path)) == words_of(shown), "python -m tests.support.transcripts writes it anew"
