from __future__ import annotations

import re
from pathlib import Path

from fla_gateway.problems import PROBLEMS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tokens.md").read_text(encoding="utf-8")


def test_every_token_problem_has_cause_and_cure():
    """The table of docs/tokens.md lists exactly the token problems of the program."""
    rows = set(re.findall(r"^\| `(token-[a-z]+)` \| [^|]{10,} \| [^|]{4,} \|$", PAGE, re.MULTILINE))
    assert rows == {code for code, row in PROBLEMS.items() if row.origin == "token-server"}
