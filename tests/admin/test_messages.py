"""Every word of the page goes through gettext, in whatever state the gateway is."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from gettext import NullTranslations
from html import unescape
from html.parser import HTMLParser

import pytest

from fla_gateway.admin.status import messages
from fla_gateway.admin.status.profile_status import FailingApiStatus, Failure
from fla_gateway.admin.status.status_page import Page
from fla_gateway.i18n.catalogues import available, choose, load
from fla_gateway.journal.reader.in_doubt import REASONS
from fla_gateway.problems import CURES, PROBLEMS
from tests.admin import samples
from tests.support.messages import extract

OPEN, CLOSE = "⟦", "⟧"
VOID = {"meta", "link", "img", "br", "path", "circle", "rect", "line"}
SPOKEN = {"alt", "title", "aria-label", "data-label", "data-announce", "data-text"}


class Marked(NullTranslations):
    """A language in which every message stands between marks."""

    def gettext(self, message):
        """Mark a message."""
        return f"{OPEN}{message}{CLOSE}"

    def ngettext(self, msgid1, msgid2, n):
        """Mark the form that fits."""
        return f"{OPEN}{msgid1 if n == 1 else msgid2}{CLOSE}"


class Bypasses(HTMLParser):
    """Collects what a person sees or hears and no translator ever saw; ``translate="no"`` marks data."""

    def __init__(self):
        super().__init__()
        self.found = []
        self._depth = 0
        self._data = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self._data.append(tag in {"script", "style"} or ("translate", "no") in attrs or any(self._data[-1:]))
        for name, value in attrs:
            if name in SPOKEN and self._outside(value or "", 0):
                self.found.append(f"{name}={value}")

    def handle_endtag(self, tag):
        if tag not in VOID:
            self._data.pop()

    def handle_data(self, data):
        if not any(self._data[-1:]):
            outside = self._outside(data, self._depth)
            self.found.extend([outside] if outside else [])
            self._depth += data.count(OPEN) - data.count(CLOSE)

    def _outside(self, text, depth):
        left = ""
        for character in text:
            depth += (character == OPEN) - (character == CLOSE)
            left += character if depth == 0 and character != CLOSE else ""
        return left.strip()


STATUSES = {
    "calm": samples.calm(),
    "failing": samples.failing(),
    "unused": samples.unused(),
    "starting": samples.calm(state="starting"),
    "stopping": samples.calm(state="stopping", profiles=()),
    "none": samples.calm(profiles=(), recent=()),
}


@cache
def marked():
    """Give the page in a made-up language, whose templates are compiled once."""
    return Page(translations=lambda _: Marked())


@pytest.mark.parametrize("name", STATUSES)
@pytest.mark.parametrize("part", ["page.html", "live.html"])
def test_no_visible_text_bypasses_gettext(part, name):
    """Between the marks of a made-up language stands every word; the rest is data, and marked as such."""
    reader = Bypasses()
    reader.feed(marked().render(part, STATUSES[name], "xx"))
    assert reader.found == []


def test_the_templates_are_compiled_once():
    """For all languages: it takes a third of a second, in which the interpreter does nothing else."""
    found = [page._template("live.html", "xx").root_render_func.__code__ for page in (Page(), Page(), marked())]
    assert found[0] is found[1] is found[2]


def test_the_reader_finds_what_bypasses():
    """The check above would notice a bare text, a bare label, and a bare end of a sentence."""
    reader = Bypasses()
    reader.feed(f'<p>bare</p><p aria-label="Bare">{OPEN}well{CLOSE} end</p><p translate="no">data <b>1</b></p>')
    assert reader.found == ["bare", "aria-label=Bare", "end"]


@pytest.mark.parametrize("name", STATUSES)
def test_every_message_shown_is_in_the_template_for_translators(name):
    """Also those that are chosen from a table while the page is written."""
    asked: set[str | tuple[str, ...]] = set()

    class Noting(NullTranslations):
        def gettext(self, message):
            asked.add(message)
            return message

        def ngettext(self, msgid1, msgid2, n):
            asked.add((msgid1, msgid2))
            return msgid1 if n == 1 else msgid2

    Page(translations=lambda _: Noting()).render("page.html", STATUSES[name], "xx")
    # Texts that are put one behind the other have a template without a word.
    assert {
        it for it in asked if not isinstance(it, str) or re.search("[A-Za-z]", re.sub("{[a-z0-9]+}", "", it))
    } <= set(extract())


ON_THE_PAGE = ("fla_gateway/admin/", "fla_gateway/problems.py")
"""Where the messages are that the templates show by gettext of jinja2, which takes them for formats."""


def test_plurals_have_the_placeholders_of_the_page():
    """A message is a proper format: what is in it can be put in, and a lone per cent sign is none."""
    shown = [it for it, places in extract().items() if any(place.startswith(ON_THE_PAGE) for place in places)]
    assert len(shown) > 300
    texts = [text for it in shown for text in ((it,) if isinstance(it, str) else it)]
    assert [text for text in texts if "%" in re.sub(r"%\([a-z]+\)s|%%", "", text)] == []


def test_every_problem_has_a_cure():
    """Whatever the gateway answers by itself, the page says what to do about it."""
    assert set(CURES) == set(PROBLEMS)
    page = Page()
    for code in PROBLEMS:
        shown = unescape(page.render("live.html", samples.calm(profiles=(with_failure(code),)), "en"))
        assert PROBLEMS[code].title in shown
        assert CURES[code] in shown


def with_failure(code):
    """Give a profile whose last call failed for this reason."""
    return samples.profile(last_failure=Failure(samples.NOW, code, 503, outcome="refused"))


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (503, "The API has a failure."),
        (403, "lacks a right"),
        (401, "does not accept the token"),
        (429, "patience"),
    ],
)
def test_answers_of_the_api_have_cures(status, cure):
    """An answer of the API's is told by its number, with what to do."""
    profile = samples.profile(last_failure=Failure(samples.NOW, "", status, outcome="answered"))
    shown = Page().render("live.html", samples.calm(profiles=(profile,)), "en")
    assert f"The API answered {status}" in shown
    assert cure in shown


@pytest.mark.parametrize("outcome", ["answered", "refused", "not-sent", "unknown", "truncated", "caller-gone"])
def test_every_outcome_has_words(outcome):
    """How a call ended is told whatever the outcome and the status."""
    for status in (0, 200, 404, 502):
        assert messages.result(samples.call(0, outcome=outcome, status=status)) in extract()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "good"),
        ({"status": 404}, "neutral"),
        ({"status": 403}, "neutral"),
        ({"status": 403, "missing_scope": True}, "attention"),
        ({"status": 400}, "attention"),
        ({"status": 404, "origin": "gateway", "code": "not-found", "outcome": "refused"}, "attention"),
        ({"status": 500}, "bad"),
        ({"status": 200, "outcome": "truncated"}, "bad"),
    ],
)
def test_a_no_of_daily_work_is_neutral(changes, kind):
    """A declaration that is not processed yet, or an employer without a mandate, does not look like trouble."""
    assert messages.kind(samples.call(0, **changes)) == kind


def test_a_403_about_one_employer_names_the_mandate():
    """A secretariat reads what it has to look at; a missing scope is told with the profile instead."""
    shown = Page().render("live.html", samples.calm(recent=(samples.call(0, status=403),)), "en")
    assert "MAHIS" in shown
    scope = samples.calm(recent=(samples.call(0, status=403, missing_scope=True),))
    assert "MAHIS" not in Page().render("live.html", scope, "en")


def test_an_api_that_fails_is_said_with_what_goes_on():
    """Nothing is queued; and for Dimona in production the duty to declare goes on, by the emergency procedure."""
    api = FailingApiStatus("dimona", "503", samples.ago(minutes=9), samples.ago(minutes=1), 12)
    failing = samples.calm(profiles=(samples.profile(failing=(api,)),))
    shown = Page().render("live.html", failing, "en")
    assert "Nothing is queued here; your program sends again." in shown
    assert f'href="{messages.EMERGENCY_PROCEDURE}"' in shown
    elsewhere = samples.calm(profiles=(samples.profile(failing=(replace(api, service="ebox"),)),))
    assert messages.EMERGENCY_PROCEDURE not in Page().render("live.html", elsewhere, "en")


def test_answered_is_explained():
    """The numbers come with the sentence that an answer is not an acceptance."""
    assert "Answered means that the API replied." in Page().render("live.html", samples.calm(), "en")


def test_every_reason_for_doubt_has_words():
    """What makes a call doubtful for the journal has words on the page."""
    assert set(messages.DOUBTS) == set(REASONS)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("nl-BE, fr;q=0.8", "nl"),
        ("de, fr;q=0.2, en;q=0.9", "en"),
        ("FR-be", "fr"),
        ("fr;q=0, nl;q=0.1", "nl"),
        ("*, fr;q=x", "en"),
        ("../../etc, nl;q=0.1", "nl"),
    ],
)
def test_the_language_is_the_best_that_is_there(accepted, expected):
    """Accept-Language is followed by weight, from the exact tag to the plain language, among those that exist."""
    assert choose(accepted, frozenset({"en", "fr", "nl"})) == expected


def test_english_is_there_without_a_catalogue(tmp_path):
    """Without a compiled catalogue the messages are shown as they are."""
    assert available(tmp_path) == {"en"}
    assert load("en").gettext("Profiles") == "Profiles"
    (tmp_path / "nl" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "nl" / "LC_MESSAGES" / "fla_gateway.mo").write_bytes(b"")
    assert available(tmp_path) == {"en", "nl"}


def test_a_gateway_with_one_profile_is_not_counted():
    """One of one is no number that a person reads."""
    one = samples.profile(served=False, why_not="x")
    assert "The one profile does not work." in Page().render("live.html", samples.calm(profiles=(one,)), "en")
    some = samples.profile(last_success=None)
    assert "The one profile needs attention." in Page().render("live.html", samples.calm(profiles=(some,)), "en")


@pytest.mark.parametrize("name", STATUSES)
def test_sentences_of_a_paragraph_have_a_space_between_them(name):
    """Also where a template chooses the second one: the line break behind a block is taken out by jinja."""
    shown = re.sub(r"<(?!/?(?:a|b|bdi|code|em|span)\b)[^>]*>", "\n", Page().render("live.html", STATUSES[name], "en"))
    text = unescape(re.sub(r"<[^>]*>", "", shown))
    assert [text[max(0, it.start() - 40) : it.end() + 10] for it in re.finditer(r"[a-z0-9)]\.[A-Z][a-z]", text)] == []
