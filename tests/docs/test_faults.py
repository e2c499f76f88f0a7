"""docs/faults.md lists the codes as the program has them."""

from __future__ import annotations

from tests.docs.pages import read
from tests.support.texts import table, texts


def test_every_code_is_listed_with_its_text():
    """A table for each package, with exactly the rows that its source has; the message has a table that is missing."""
    page = read("docs/faults.md")
    for area in sorted({found.area for found in texts() if found.kind == "Message"}):
        assert f"\n{table(area)}\n\n" in page + "\n", f"docs/faults.md wants for {area}:\n{table(area)}"


def test_no_code_is_listed_that_is_gone():
    """What is listed is in the source."""
    listed = {line.split("`")[1] for line in read("docs/faults.md").splitlines() if line.startswith("| `")}
    assert listed == {found.code for found in texts() if found.kind == "Message"}
