"""What README, CHANGELOG and docs/ point to exists, and the configurations that they show are good."""

from __future__ import annotations

import re
import tomllib

import pytest

from fla_gateway import profiles
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.config.load import load
from tests.docs.pages import PAGES, RECIPES, ROOT, anchors, blocks, links
from tests.support.configurations import own

CONFIGURATIONS = [
    pytest.param(text, id=f"{page.name}-{number}")
    for page in PAGES
    if page not in RECIPES  # of several files each: test_recipes
    for number, text in enumerate(blocks(page, "toml"))
]
ENVIRONMENT = {
    "CREDENTIALS_DIRECTORY": "/run/credentials/fla-gateway.service",
    "STATE_DIRECTORY": "/var/lib/fla-gateway",
}


@pytest.mark.source
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    """A link into the repository names a file that is there, and a heading that is in it."""
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_that_is_mentioned_exists(page):
    """A page or configuration that is named in passing is there."""
    mentioned = re.findall(r"\b(?:docs/[a-z]+\.md|config/[a-z]+\.toml)", page.read_text(encoding="utf-8"))
    assert [name for name in mentioned if not (ROOT / name).is_file()] == []


def test_the_readme_leads_to_every_page():
    """No page of docs/ can be found by chance only."""
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= {
        target.removeprefix("docs/").partition("#")[0] for target in links(ROOT / "README.md")
    }


@pytest.mark.source
def test_the_site_has_every_page():
    """`mkdocs.yml` lists each page once, those in other languages too; what it builds is checked by `make docs`."""
    listed = re.findall(
        r"^ +- (?:[^:\n]+: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    pages = {str(page.relative_to(ROOT)) for page in (*PAGES, *(ROOT / "docs").rglob("*.md"))}
    assert len(listed) == len(set(listed))
    assert set(listed) == pages


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_every_toml_block_is_right(text, tmp_path):
    """A block of TOML can be read; one with profiles is a configuration without faults."""
    if "profiles" not in tomllib.loads(text):
        return
    file = tmp_path / "gateway.toml"
    file.write_text(own(text), encoding="utf-8")
    assert profiles.resolve(load(file, ENVIRONMENT).configuration, load_catalogue())


def test_the_readme_shows_configurations():
    """The test above has something to look at: a first configuration in simulation among them."""
    shown = [tomllib.loads(text) for text in blocks(ROOT / "README.md", "toml")]
    assert "simulation" in [it["environment"] for document in shown for it in document.get("profiles", {}).values()]


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").glob("*.md")), *RECIPES], ids=lambda page: page.name)
def test_a_page_opens_with_its_readers_and_their_moment(page):
    """Three lines below the title: who needs the page, when, and where to go for something else."""
    title, blank, *opening = page.read_text(encoding="utf-8").splitlines()[:6]
    assert title.startswith("# ")
    assert [blank, *(line.partition(":")[0] for line in opening)] == [
        "",
        "- **Who**",
        "- **When**",
        "- **Not here**",
        "",
    ]
