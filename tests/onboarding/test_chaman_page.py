"""The page for the person at ChaMan: the steps of exactly one case, with the words of the screens."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from fla_gateway.onboarding import labels
from fla_gateway.onboarding.acceptance_mail import draft, is_needed
from fla_gateway.onboarding.chaman_page import html, lines
from fla_gateway.onboarding.chaman_steps import Upload, page
from fla_gateway.onboarding.labels import Label, named

ANSWERS = {
    "quality": "employer",
    "profile": "employer",
    "company": "Acme & Zonen NV",
    "enterprise-number": "0123456749",
    "services": "dimona",
    "environment": "simulation",
    "account": "new",
}
UPLOAD = Upload("employer-2028-11.cer", "employer-2028-11", "2028-11-29")
LABELS = [it for it in vars(labels).values() if isinstance(it, Label)]


def steps(answers, language="nl", upload=UPLOAD):
    """Give the steps in ChaMan as one text each, remarks with them."""
    return [" ".join((it.text, *it.remarks)) for it in page(answers, upload, language).steps]


def test_a_new_account_takes_the_steps_of_the_manual():
    """4.4.1: target group, log-in, quality, add, REST, name, right, certificate, its name, confirm, client id."""
    found = steps(ANSWERS)
    wanted = [
        "https://chaman.socialsecurity.be",
        '"Onderneming"',
        "CSAM",
        '"RSZ werkgever"',
        '"geen toegang"',
        '"Een webservice account toevoegen"',
        '"Accountnaam": type fla-gateway-employer',
        '"Dimona-aangiftes verrichten", "Consultatie van de Dimona-aangifte"',
        '"Certificaat": choose the file employer-2028-11.cer',
        '"Certificaatnaam": type employer-2028-11',
        '"Bevestigen"',
        '"Client ID"',
    ]
    assert len(found) == len(wanted)
    for step, words in zip(found, wanted, strict=True):
        assert words in step
    assert '"REST"' in found[5]


def test_an_account_whose_key_is_there_gets_a_right_and_no_certificate():
    """4.4.2: no new certificate is needed."""
    answers = {**ANSWERS, "account": "existing", "has-key": "yes"}
    found = " ".join(steps(answers, upload=None))
    assert '"Beveiligde machtigingen"' in found
    assert "Certificaat" not in found
    assert "toevoegen" not in found
    assert '"Client ID"' in found


def test_a_second_certificate_replaces_nothing():
    """Another program may use the first; ChaMan may refuse a second one."""
    answers = {**ANSWERS, "account": "existing", "has-key": "no", "without-key": "second-certificate"}
    found = " ".join(steps(answers))
    assert '"Een certificaat toevoegen"' in found
    assert "Never replace or remove" in found
    assert "refuses a second one" in found
    assert "Een webservice account toevoegen" not in found


def test_acceptance_has_its_own_addresses():
    """5.3: neither the portal nor its access management is named."""
    answers = {**ANSWERS, "services": "federal-learning-account", "environment": "acceptance"}
    found = " ".join(steps(answers))
    assert "https://chaman.acc.socialsecurity.be/" in found
    assert "https://uman.acc.socialsecurity.be/uman/" in found
    assert "www.socialsecurity.be" not in found
    assert "CareerPro - Federal Learning Account - Aangifte" in found


def test_the_page_of_the_repealed_service_says_so():
    """And how its data can be had."""
    said = " ".join(page({**ANSWERS, "services": "federal-learning-account"}, UPLOAD, "en").remarks)
    assert "repealed" in said
    assert "CareerPro" in said


def test_a_right_that_was_never_seen_is_not_made_up():
    """The person writes down how it is called."""
    found = " ".join(steps({**ANSWERS, "services": "ebox-federation"}))
    assert "ebox-federation" in found
    assert "not seen yet" in found


@pytest.mark.parametrize("label", LABELS, ids=[it.nl for it in LABELS])
def test_a_label_is_dutch_in_every_language(label):
    """French words follow it, marked where they were seen on no screen; English ones say what it means."""
    for language in ("nl", "fr", "en"):
        assert named(label, language).startswith(f'"{label.nl}"')
    assert named(label, "nl") == f'"{label.nl}"'
    if label.fr:
        assert named(label, "fr").endswith('")' if label.fr_seen else '"*)')


def test_the_french_page_explains_its_mark():
    """Only there is it used."""
    french = " ".join(page(ANSWERS, UPLOAD, "fr").remarks)
    assert "* our own translation" in french
    assert "*" not in "".join(page(ANSWERS, UPLOAD, "nl").remarks)


class Tags(HTMLParser):
    """What a page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str | None]] = {}

    def handle_starttag(self, tag, attrs):
        """Note it."""
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value)


def test_the_page_is_one_file_without_a_script():
    """It is sent by mail, and opened by browsers that trust nothing; names of companies are escaped."""
    text = html(page(ANSWERS, UPLOAD, "nl"), str, "nl")
    parsed = Tags()
    parsed.feed(text)
    assert {"script", "img", "iframe", "link", "object", "form"}.isdisjoint(parsed.tags)
    assert {"src", "href", "onload", "style"}.isdisjoint(parsed.attributes)
    assert parsed.attributes["lang"] == ["nl"]
    assert "Acme &amp; Zonen NV" in text
    assert "@media print" in text
    assert "url(" not in text


def test_text_and_html_say_the_same():
    """Every sentence of one is in the other."""
    shown = page({**ANSWERS, "registered": "no"}, UPLOAD, "fr")
    plain = re.sub(r"\s+", " ", "\n".join(lines(shown, str)))
    for text in (shown.title, *(it.text for it in shown.steps), *shown.back, *shown.remarks, *shown.first[0].lines):
        assert text in plain


def test_the_draft_has_both_spellings_as_unverified():
    """Nothing was sent."""
    answers = {
        **ANSWERS,
        "environment": "acceptance",
        "services": "federal-learning-account",
        "acceptance-access": "no",
    }
    assert is_needed(answers)
    assert not is_needed({**answers, "acceptance-access": "yes"})
    assert not is_needed(ANSWERS)
    text = "\n".join(draft(answers, "en"))
    assert "ContactCenter@support.eraanova.fgov.be" in text
    assert "ContactCenter@support.eranova.fgov.be" in text
    assert "unverified" in text
    assert "nothing was sent" in text
    assert "0123.456.749" in text
