"""docs/status.md tells of every member of /status and every address of the listener."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fla_gateway.admin.status.health import Finding
from fla_gateway.admin.status.status_json import write
from fla_gateway.admin.status_routes import PATHS
from tests.admin import samples

PAGE = (Path(__file__).parents[2] / "docs" / "status.md").read_text(encoding="utf-8")


OF_OTHERS = {"header", "claims", "fields"}
"""Members whose own members have the names that RFC 7515, RFC 7519 and RFC 9110 give them."""


def members(value):
    """List the names of all members of ours, however deep."""
    if isinstance(value, dict):
        inside = (inner for name, inner in value.items() if name not in OF_OTHERS)
        return {*value, *(name for inner in inside for name in members(inner))}
    return {name for inner in value for name in members(inner)} if isinstance(value, list) else set()


def test_every_member_is_told():
    """What /status says is explained, in the tables after its heading."""
    named, explained = members(json.loads(write(samples.failing()))), PAGE.partition("## `/status`")[2]
    assert len(named) > 100
    assert {name for name in named if f"`{name}`" not in explained} == set()


@pytest.mark.parametrize("word", [it.value for it in Finding])
def test_every_finding_is_told(word):
    """A program that reads /status finds each word that a profile's findings may have."""
    assert f"`{word}`" in PAGE.partition("A profile:")[2]


@pytest.mark.parametrize("path", sorted(PATHS | {"/livez", "/readyz", "/startupz", "/metrics"}))
def test_every_address_is_told(path):
    """What the listener answers is in the first table."""
    assert f"`{path}`" in PAGE.partition("## Who sees it")[0]


def test_every_local_link_leads_somewhere():
    """Pages that are linked to exist."""
    for target in re.findall(r"\]\(([a-z]+\.md)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).is_file()
