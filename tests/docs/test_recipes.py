"""The configurations of docs/recipes are good, narrow, and what their text says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fla_gateway import profiles
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.config.load import load
from fla_gateway.config.settings import Settings
from tests.docs.pages import RECIPES, ROOT, blocks, links
from tests.support.configurations import own

INDEX = ROOT / "docs/recipes/index.md"
PAGES = tuple(page for page in RECIPES if page != INDEX)
ENVIRONMENT = {"CLIENT_ID": "self_service_chaman_000000_customer", "PRODUCT_KEY_SHA256": "a" * 64}
ROLES = re.compile(r"employer|mandates|own-staff|holding|logistics")


def written(page: Path, folder: Path) -> Path:
    """Write the files of a recipe, each named by the comment in its first line; return the configuration."""
    for text in blocks(page, "toml"):
        name = re.match(r"# (\S+\.toml)\n", text)
        assert name, "the first line names the file"
        file = folder / name[1]
        file.parent.mkdir(exist_ok=True)
        file.write_text(own(text), encoding="utf-8")
    return folder / "gateway.toml"


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The configuration of a recipe, with keys of an operator's own in place of the placeholders."""
    return load(written(request.param, tmp_path), ENVIRONMENT)


def test_a_recipe_has_a_configuration_that_can_be_read(settings: Settings):
    """Each profile of a recipe is an account of an official environment, with services of the catalogue."""
    for profile in profiles.resolve(settings.configuration, load_catalogue()):
        assert profile.environment in {"production", "simulation"}
        assert ROLES.match(profile.name), "a profile is called by its role"


def test_a_recipe_opens_no_door(settings: Settings):
    """Callers, a journal and an admin key are there; nothing is anonymous or permits every path."""
    configuration = settings.configuration
    assert configuration.callers
    assert configuration.audit is not None
    assert configuration.admin.key is not None
    lists = [entries for caller in configuration.callers.values() for entries in caller.allow.values()]
    permitted = [entry for entries in lists for entry in entries]
    assert permitted
    assert not [entry for entry in permitted if "**" in entry]
    assert not any(profile.anonymous for profile in configuration.profiles.values())


def test_a_program_under_test_cannot_reach_production(tmp_path):
    """In the recipe for the way to production, the key of the test program is no key of production."""
    configuration = load(written(ROOT / "docs/recipes/to-production.md", tmp_path), ENVIRONMENT).configuration
    reached = {configuration.profiles[name].environment for name in configuration.callers["payroll-test"].allow}
    assert reached == {"simulation"}


def test_the_vendors_file_holds_neither_key_nor_client_id(tmp_path):
    """What a vendor ships has nothing of its customer: the variables of the environment have."""
    written(ROOT / "docs/recipes/software-vendor.md", tmp_path)
    text = (tmp_path / "vendor.toml").read_text()
    assert 'client_id = "${CLIENT_ID}"' in text
    assert not re.search(r"pkcs12|pem|password|[0-9a-f]{64}", text)


@pytest.mark.source
def test_the_index_leads_to_every_recipe():
    """No recipe can be found by chance only."""
    assert {page.name for page in PAGES} <= set(links(INDEX))
