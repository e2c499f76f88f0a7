"""The gateway's own answers are in the language that the caller prefers, among those that are there."""

from __future__ import annotations

import json
from gettext import NullTranslations

import pytest

from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import Text
from fla_gateway.problems import CURES, PROBLEMS
from fla_gateway.proxy.messages.accepted_language import accepted_language, language_of
from fla_gateway.proxy.messages.response_writer import navigation_answer, problem_answer

THERE = frozenset({"en", "nl", "fr"})


class Marked(NullTranslations):
    """A language in which every message is marked."""

    def gettext(self, message):
        """Mark a message."""
        return f"<{message}>"


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        (b"", "en"),
        (b"Accept: */*\r\naccept-language: nl-BE, fr;q=0.5\r\nX: a\r\n", "nl"),
        (b"Accept-Language:fr\r\n", "fr"),
        (b"X-Accept-Language: fr\r\n", "en"),
        (b"Accept-Language: de\r\n", "en"),
        (b"Accept-Language: \xff\r\n", "en"),
    ],
)
def test_the_caller_says_which(fields, language):
    """Without the field, and with languages that are not there, it is English."""
    assert language_of(fields, THERE) == language


def test_without_a_catalogue_all_is_english():
    """Whatever the field says."""
    assert accepted_language(b"Accept-Language: de\r\n") is ENGLISH


def answer(**options):
    """Write a problem and take it apart."""
    asked = {"delivery": "not-sent", "method": b"GET", "connection": b"", "date": "", **options}
    message = problem_answer("not-found", Text("Nothing is at {path}.", path="/a"), "1", "", **asked).message
    head, _, body = message.partition(b"\r\n\r\n")
    return head, json.loads(body)


def test_words_are_translated_and_codes_are_not():
    """Title, detail and cure are for people; every other member and field is the same."""
    english, marked = answer(), answer(spoken=Spoken("xx", Marked()))
    assert marked[0].endswith(b"\r\nContent-Language: xx")
    assert b"Content-Language" not in english[0]
    assert marked[1] == {
        **english[1],
        "title": f"<{PROBLEMS['not-found'].title}>",
        "detail": "<Nothing is at /a.>",
        "cure": f"<{CURES['not-found']}>",
    }


def test_the_page_of_the_caller_port_is_translated():
    """Nothing of a translation is markup."""
    marked = Spoken("xx", Marked())
    page = navigation_answer(404, method=b"GET", connection=b"", date="", spoken=marked).message.decode()
    assert '<html lang="xx">' in page
    assert "<h1>&lt;This address is for programs&gt;</h1>" in page
    assert page.count("&lt;") == 4
