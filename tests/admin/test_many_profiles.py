"""The page with a thousand profiles: what needs attention in full, the rest in one line each, filters as links."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import aiohttp
import pytest

from fla_gateway.admin.status.health import Level
from fla_gateway.admin.status.profile_selection import FEW, Selection, arrange, read_selection
from fla_gateway.admin.status.status_page import Page
from tests.admin import samples
from tests.admin.conftest import serving

MANY = 1000


def good(name):
    """Make a profile that is well."""
    return samples.profile(name)


def unserved(name):
    """Make a profile that cannot be used."""
    return samples.profile(name, served=False, why_not="no key", token=None, pool=None)


@cache
def crowd(*, bad=(500, 900), loading=(700,)):
    """Make a gateway with a thousand profiles."""
    made = {**{number: unserved(f"p{number}") for number in bad}}
    made |= {number: samples.profile(f"p{number}", served=False, loading=True) for number in loading}
    profiles = [made.get(number, good(f"p{number}")) for number in range(MANY)]
    profiles[3] = replace(profiles[3], environment="acceptance", production=False)
    return samples.calm(profiles=tuple(profiles))


@cache
def whole_page():
    """Render the page of a thousand profiles."""
    return Page().render("page.html", crowd(), "en")


def cards(html):
    """Give the profiles that are shown in full."""
    return re.findall(r'<article class="profile [a-z]+" id="profile-([a-z0-9-]+)"', html)


def lines(html):
    """Give the profiles that have a line."""
    return re.findall(r'<tr role="row" id="brief-([a-z0-9-]+)"', html)


def test_what_needs_attention_is_shown_in_full_and_first():
    """All others have a line, and the whole is small enough to be read and sent."""
    html = whole_page()
    assert cards(html) == ["p500", "p900", "p700"]
    assert len(lines(html)) == MANY - 3
    assert "2 of 1000 profiles do not work." in html
    assert len(html) < 500_000


def test_of_a_thousand_failures_some_are_shown_in_full():
    """A page of a thousand cards takes seconds to be made, and nobody reads it."""
    html = Page().render("live.html", crowd(bad=range(MANY), loading=()), "en")
    assert (len(cards(html)), len(lines(html))) == (FEW, MANY - FEW)


def test_few_profiles_are_all_shown_in_full_without_filters():
    """A page for one account looks as it always did."""
    html = Page().render("page.html", samples.calm(profiles=tuple(good(f"p{it}") for it in range(FEW))), "en")
    assert len(cards(html)) == FEW
    assert 'id="filters"' not in html
    assert 'id="brief-table"' not in html


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"profile": "p7"}, ["p7"]),
        ({"level": "bad"}, ["p500", "p900"]),
        ({"level": "attention"}, ["p700"]),
        ({"environment": "acceptance"}, ["p3"]),
        ({"environment": "acceptance", "level": "bad"}, []),
        ({"profile": "nobody"}, []),
    ],
)
def test_filters_choose(query, shown):
    """By level, environment and name; nothing that fits is said as well."""
    html = Page().render("page.html", crowd(), "en", read_selection(query))
    assert (cards(html), lines(html)) == (shown, [])
    assert ("No profile is like that just now." in html) == (not shown)


def test_every_filter_is_a_link():
    """The policy of the page forbids forms, and a reader may have no scripts."""
    html = whole_page()
    assert 'href="./?level=bad"' in html
    assert 'href="./?environment=acceptance"' in html
    assert 'href="./?profile=p7"' in html
    assert "<form" not in html


@pytest.mark.parametrize("query", [{"profile": "x" * 65}, {"level": "y" * 1000}, {"other": "z"}])
def test_what_is_no_filter_chooses_everything(query):
    """Nothing of any length is kept."""
    assert read_selection(query) == Selection()


def test_no_profile_is_lost():
    """Each that is chosen is shown exactly once."""
    judged = [(good(f"p{number}"), list(Level)[number % 3]) for number in range(MANY)]
    for selection in (Selection(), Selection(level="good"), Selection(environment="production")):
        full, brief = arrange(judged, selection)
        names = [profile.name for profile, _ in (*full, *brief)]
        assert sorted(names) == sorted(profile.name for profile, level in judged if selection.has(profile, level))


async def test_the_part_that_changes_follows_the_filter(state, shown):
    """So that the page of a filter stays the page of that filter."""
    shown.status = crowd()
    async with serving(state, shown) as port, aiohttp.ClientSession() as client:
        for path in ("/", "/fragment"):
            async with client.get(f"http://127.0.0.1:{port}{path}?level=bad") as answer:
                assert cards(await answer.text()) == ["p500", "p900"]
