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


def ordered(version: str) -> tuple[int, ...]:
    """Give the numbers of a version in the order in which they count."""
    return tuple(map(int, version.split(".")))


def test_the_newest_release_leads_to_the_program():
    """The first version below what is not released is the program's own, or the one that development continues."""
    head, newest = list(releases())[:2]
    assert head == "[Unreleased]"
    released = re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d", newest)
    assert released
    numbers, developed, _ = fla_gateway.__version__.partition(".dev")
    assert ordered(numbers) > ordered(released[1]) if developed else numbers == released[1]


def test_changes_stand_in_the_announced_order():
    """Each release has its kinds of change in the order for operators, and no other kinds."""
    for text in releases().values():
        kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
        assert kinds == [kind for kind in ORDER if kind in kinds]
