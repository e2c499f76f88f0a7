"""docs/errors.md lists the problems as the program has them."""

from __future__ import annotations

from fla_gateway.problems import PROBLEMS
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


def test_every_problem_has_a_cause_and_a_cure():
    """Nobody who looks a code up is left without a cause and something to do."""
    assert all(cause and cure for _, _, _, _, cause, cure in listed().values())
