"""The page leads from the doctor's finding to what explains it."""

from __future__ import annotations

from fla_gateway.admin.status.status_page import Page
from tests.admin import samples


def test_the_finding_of_a_profile_is_shown_with_anchor_and_command():
    """Only where there is one."""
    html = Page().render("page.html", samples.failing(), "en")
    (shown,) = [part for part in html.split("<p ") if 'id="finding-' in part.partition(">")[0]]
    text = shown.partition("</p>")[0]
    assert 'id="finding-wages"' in text
    assert "The token server answered 400 invalid_client." in text
    assert "docs/doctor.md#token" in text
    assert "fla-gateway doctor wages" in text
    assert 'id="finding-' not in Page().render("page.html", samples.calm(), "en")


def test_a_scope_that_is_missing_is_shown_as_the_box_to_tick():
    """In ChaMan's own words; that it is this box is called a guess."""
    html = Page().render("page.html", samples.failing(), "en")
    assert "tick &#34;DocConsumer e-Box Enterprise&#34; under Beveiligde machtigingen" in html
    assert "a guess from the names" in html
