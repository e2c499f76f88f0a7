"""docs/dependencies.md gives a reason for each direct dependency, and for no other."""

from __future__ import annotations

import re
import tomllib

from tests.docs.pages import ROOT, read, rows


def names(requirements) -> set[str]:
    """Give the names of requirements without versions and markers."""
    return {re.split(r"[^A-Za-z0-9_.-]", requirement)[0] for requirement in requirements}


def listed() -> dict[str, set[str]]:
    """Give the packages that the page names under each heading."""
    sections = re.split(r"^## (.+)$", read("docs/dependencies.md"), flags=re.MULTILINE)[1:]
    return {
        head: {row[0].strip("`") for row in rows(text)}
        for head, text in zip(sections[::2], sections[1::2], strict=True)
    }


def test_every_dependency_has_its_reason():
    """Each list of pyproject.toml has the same packages as its table in the page."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = listed()
    assert found["To run"] == names(project["project"]["dependencies"])
    extras = project["project"]["optional-dependencies"]
    assert {head: found[head] for head in found if head.startswith("The extra")} == {
        f"The extra `{extra}`": names(packages) for extra, packages in extras.items()
    }
    groups = project["dependency-groups"]
    assert found["To develop"] == names(
        [*groups["compile"], *(it for it in groups["dev"] if isinstance(it, str)), *project["build-system"]["requires"]]
    )


def test_what_builds_the_site_has_its_reason():
    """Nothing else has it: neither the gateway nor its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert listed()["To build the site"] == names(project["dependency-groups"]["docs"])


def test_no_reason_is_empty():
    """Each row says what the package is for and why it was chosen."""
    assert all(len(row) == 3 and all(row) for row in rows(read("docs/dependencies.md")))


def test_the_pythons_that_are_declared_are_those_the_suite_was_run_on():
    """Each `Programming Language` of pyproject.toml has a row, and each row whose suite was run whole is declared."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {it.rpartition(" ")[2] for it in project["classifiers"] if it.startswith("Programming Language")}
    (section,) = re.findall(r"^## Pythons$(.*?)(?=^## )", read("docs/dependencies.md"), flags=re.MULTILINE | re.DOTALL)
    whole = {row[0].strip("`").rpartition(".")[0] for row in rows(section) if not row[1].startswith("parts")}
    assert declared == whole
    assert f">={min(declared)}" == project["requires-python"]
