"""Fixtures: one browser for all tests of a run, and tabs; a conftest imports them."""

from __future__ import annotations

import os

import pytest

from tests.support.chromium import share_chromium
from tests.support.devtools import open_page

NAMES = ("evil.test", "erp.test", "plain")
"""Host names that are this machine for the browser."""


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A browser, shared by all tests of all workers."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with share_chromium(folder / "chromium", NAMES) as process:
        yield process


@pytest.fixture
async def page(chromium):
    """A tab, which tests have one after the other."""
    async with open_page(chromium) as tab:
        yield tab


@pytest.fixture
async def own_page(chromium):
    """A tab in a browser that remembers nothing of other tests."""
    async with open_page(chromium, own=True) as tab:
        yield tab
