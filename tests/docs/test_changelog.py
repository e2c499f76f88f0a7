"""CHANGELOG.md has the form that it announces."""

from __future__ import annotations

import re

import fla_gateway
from tests.docs.pages import read

ORDER = ["Security", "Removed", "Deprecated", "Added", "Changed", "Fixed"]


def releases() -> dict[str, str]:
    """Give the text of each release by its heading."""
    parts = re.split(r"^## (.+)$", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_the_newest_release_is_the_program():
    """After the head for what is not released yet comes the program's own version, with its date."""
    head, newest = list(releases())[:2]
    assert head == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(fla_gateway.__version__)}\] - \d{{4}}-\d\d-\d\d", newest)


def test_changes_stand_in_the_announced_order():
    """Each release has its kinds of change in the order for operators, and no other kinds."""
    for text in releases().values():
        kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
        assert kinds == [kind for kind in ORDER if kind in kinds]
