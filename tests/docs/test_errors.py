"""docs/errors.md lists the problems as the program has them."""

from __future__ import annotations

import json
import re

from fla_gateway.problems import PROBLEMS, problem_body
from tests.docs.pages import read, rows


def listed() -> dict[str, list[str]]:
    """Give the rows of the tables of codes by their code."""
    found = [row for row in rows(read("docs/errors.md")) if len(row) == 7]
    assert len(found) == len({row[0] for row in found}), "a code stands twice"
    return {row[0].strip("`"): row[1:] for row in found}


def test_every_problem_is_listed_as_it_is():
    """The page has each code of problems.py with its status, origin, delivery and retryable, and no other."""
    assert {code: cells[:4] for code, cells in listed().items()} == {
        code: [str(row.status), row.origin, row.delivery, "yes" if row.retryable else "no"]
        for code, row in PROBLEMS.items()
    }


def test_the_example_is_what_is_answered():
    """The page shows an answer with every member, and the length that it has on the wire."""
    page = read("docs/errors.md")
    (shown,) = re.findall(r"^    (\{.*?\})$", page, re.MULTILINE | re.DOTALL)
    document = json.loads(shown)
    code, request_id = document["type"].rpartition(":")[2], document["instance"].removeprefix("urn:uuid:")
    body = problem_body(code, document["detail"], request_id, document["profile"])
    assert json.loads(body) == document
    assert f"Content-Length: {len(body)}\n" in page
    table = {name.strip("`") for name, *_ in rows(page.partition("**origin**")[0])}
    assert document.keys() <= table


def test_every_problem_has_a_cause_and_a_cure():
    """Nobody who looks a code up is left without a cause and something to do."""
    assert all(cause and cure for _, _, _, _, cause, cure in listed().values())
