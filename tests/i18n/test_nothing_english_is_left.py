"""Status page and status text in Dutch and French: nothing English is left, in whatever state the gateway is."""

from __future__ import annotations

import contextvars
import json
import re
from html import unescape

import pytest

from fla_gateway.admin.status import status_json
from fla_gateway.admin.status.status_page import Page
from fla_gateway.cli.output.language import speak
from fla_gateway.cli.remote.status_text import lines
from fla_gateway.i18n.catalogues import spoken
from tests.admin import samples
from tests.support.translations import COMPLETE

STATUSES = {"calm": samples.calm(), "failing": samples.failing(), "unused": samples.unused()}
ENGLISH = re.compile(
    r"(?<![\w-])(?:the|which|with|from|that|this|when|and|are|into|does|not|without|only|each)(?![\w-])"
)
"""Words that neither language has."""
DATA = re.compile(r"<(\w+)[^>]*translate=\"no\"[^>]*>.*?</\1>|<script.*?</script>|`[^`]*`", re.DOTALL)


OF_SAMPLES = ("unknown client, or certificate not registered", "acme.pfx cannot be opened")
"""Sentences of the samples that no program says."""


def english(text: str) -> list[str]:
    """Give the lines that have a word of English outside of code."""
    lines_there = (line.strip() for line in text.splitlines() if not any(it in line for it in OF_SAMPLES))
    return [line for line in lines_there if ENGLISH.search(re.sub(r"`[^`]*`|\"[^\"]*\"", "", line))]


@pytest.mark.parametrize("language", sorted(COMPLETE))
@pytest.mark.parametrize("name", STATUSES)
def test_the_page_is_wholly_in_the_language(language, name):
    """All that is no data is translated."""
    shown = Page().render("page.html", STATUSES[name], language)
    assert english(unescape(re.sub(r"<[^>]*>", "\n", DATA.sub("", shown)))) == []


@pytest.mark.parametrize("language", sorted(COMPLETE))
@pytest.mark.parametrize("name", STATUSES)
def test_the_status_text_is_wholly_in_the_language(language, name):
    """As `fla-gateway status` prints it of what the gateway answers in that language."""
    document = json.loads(status_json.write(STATUSES[name], spoken=spoken(language)))

    def printed() -> str:
        speak(spoken(language))
        return "\n".join(lines(document, coloured=False))

    assert english(contextvars.copy_context().run(printed)) == []
