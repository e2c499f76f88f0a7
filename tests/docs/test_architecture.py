"""docs/architecture.md shows the layout as it is."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.docs.pages import ROOT, read

pytestmark = pytest.mark.source

PACKAGE = ROOT / "fla_gateway"
ROW = re.compile(r"^\| (?P<row>\d+) \| `(?P<name>[^`]+)` \| [^|]+ \|(?P<modules>[^|]*)\|$", re.MULTILINE)


def layout() -> list[tuple[int, str, list[str]]]:
    """Give the rows of the layout: number, package or module, names of modules."""
    found = ROW.finditer(read("docs/architecture.md"))
    return [(int(it["row"]), it["name"], re.findall(r"`([a-z_0-9]+)`", it["modules"])) for it in found]


def test_every_package_is_in_the_layout():
    """The layout names each package, and each module that stands beside the packages."""
    packages = {f"{it.parent.relative_to(PACKAGE)}/" for it in PACKAGE.glob("**/__init__.py") if it.parent != PACKAGE}
    modules = {it.name for it in PACKAGE.glob("*.py") if not it.name.startswith("__")}
    assert {name for _, name, _ in layout()} == packages | modules


def test_every_module_of_the_layout_exists():
    """No module that the layout names is a memory of an earlier one."""
    named = [PACKAGE / package / f"{module}.py" for _, package, modules in layout() for module in modules]
    assert len(named) > 80
    assert [path for path in named if not path.is_file()] == []


def test_every_module_is_in_the_layout():
    """Whoever adds a module says where it belongs."""
    named = {f"{package}{module}" for _, package, modules in layout() for module in modules}
    packages = [it.parent for it in PACKAGE.glob("**/__init__.py") if it.parent != PACKAGE]
    there = {str(it.relative_to(PACKAGE).with_suffix("")) for package in packages for it in package.glob("*.py")}
    assert {it for it in there if not it.endswith("__init__")} - named == set()


def test_the_rows_are_those_that_are_enforced():
    """The rows of the layout are the layers of the import contract, in the same order."""
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(it["layers"] for it in contracts if it["type"] == "layers")
    rows: dict[int, set[str]] = {}
    for row, name, _ in layout():
        rows.setdefault(row, set()).add(name.partition("/")[0].removesuffix(".py"))
    assert [rows[row] for row in sorted(rows)] == [set(layer.split(" | ")) for layer in layers]


def _packages_of(module) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts))}


def test_every_rule_is_held_to_be_one():
    """A module whose head calls it a rule or a value stands in the contract that keeps pure modules from I/O."""
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (pure,) = (set(it["source_modules"]) for it in contracts if it["name"].startswith("Pure modules"))
    files = [path for path in PACKAGE.rglob("*.py") if "sandbox" not in path.parts]
    heads = {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8") for path in files}
    rules = {module for module, text in heads.items() if text.startswith(('"""Rule', '"""Value'))}
    assert len(rules) > 20
    assert {rule for rule in rules if not {rule, *_packages_of(rule)} & pure} == set()


def test_every_dotted_name_exists():
    """A module, class or function that the page names with its package is there."""
    for path in re.findall(r"`((?:[a-z0-9_]+\.)+[A-Za-z_]+)(?:\([a-z]*\))?`", read("docs/architecture.md")):
        place, rest = PACKAGE, path.split(".")
        while rest and (place / rest[0]).is_dir():
            place /= rest.pop(0)
        if place == PACKAGE or not rest:
            continue
        file, member = place / f"{rest[0]}.py", ".".join(rest[1:])
        assert file.is_file(), path
        assert re.search(rf"^(class|def|async def) {member}\b", file.read_text(), re.MULTILINE) or not member, path
