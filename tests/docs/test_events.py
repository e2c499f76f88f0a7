"""docs/logs.md and docs/tokens.md list the events that the program logs."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

import pytest

from tests.docs.pages import ROOT, read, rows

pytestmark = pytest.mark.source

LEVELS = {"debug", "info", "warning", "error", "exception"}


def logged(*packages) -> dict[str, set[str]]:
    """Give the levels of every event in the code of packages; an exception is logged as an error."""
    found = defaultdict(set)
    for path in (path for package in packages for path in (ROOT / "fla_gateway" / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        # To parse all modules takes seconds.
        for node in ast.walk(ast.parse(text)) if "_LOG." in text else ():
            match node:
                # `log` is one that was bound once, for many events.
                case ast.Call(ast.Attribute(ast.Name("_LOG" | "log" as logger), level), [name, *_]) if (
                    logger == "_LOG" or level in LEVELS
                ):
                    assert level in LEVELS
                    found[ast.literal_eval(name)].add("error" if level == "exception" else level)
    return found


def listed(page) -> dict[str, set[str]]:
    """Give the levels of every event in the tables of a page."""
    cells = [row for row in rows(read(page)) if re.fullmatch(r"(?:info|warning|error)(?:, (?:warning|error))*", row[1])]
    return {event: set(row[1].split(", ")) for row in cells for event in re.findall(r"`([a-z-]+)`", row[0])}


def test_every_event_of_the_token_engine_is_listed():
    """Each event of oauth/ and tokens/ stands in docs/tokens.md with its levels, and no other does."""
    assert listed("docs/tokens.md") == logged("oauth", "tokens")


def test_every_other_event_is_listed():
    """Each other event stands in docs/logs.md with its levels, and no other does."""
    own = {path.parent.name for path in (ROOT / "fla_gateway").glob("*/__init__.py")} - {"oauth", "tokens"}
    assert listed("docs/logs.md") == logged(*own)
