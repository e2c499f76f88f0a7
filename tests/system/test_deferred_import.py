from __future__ import annotations

import re
import sys
from importlib import import_module

import pytest

from fla_gateway.system.deferred_import import deferred, patterns_deferred

SOURCE = """
LIMIT = 7


class Given:
    def __init__(self, number):
        self.number = number
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Have a module that says at its head that it needs another, and give the names of both."""
    (tmp_path / "heavy_part.py").write_text(SOURCE)
    (tmp_path / "light_part.py").write_text("import heavy_part\nfrom heavy_part import Given, LIMIT\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("heavy_part", "light_part"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("library")
def test_a_deferred_module_is_imported_when_a_name_of_it_is_used():
    """A library that only names a module does not import it; calls, attributes and `isinstance` do, and are right."""
    with deferred("heavy_part"):
        light_part = import_module("light_part")
    assert "heavy_part" not in sys.modules
    given = light_part.Given(3)
    assert "heavy_part" in sys.modules
    assert given.number == 3
    assert isinstance(given, light_part.Given)
    assert not isinstance(3, light_part.Given)
    assert light_part.LIMIT.bit_length() == 3
    assert light_part.heavy_part.LIMIT == 7


@pytest.mark.usefixtures("library")
def test_others_import_a_deferred_module_as_ever():
    """After the block the module is imported by its name, and is the whole module."""
    with deferred("heavy_part"):
        import_module("light_part")
    assert import_module("heavy_part").LIMIT == 7


@pytest.mark.usefixtures("library")
def test_a_module_that_is_there_is_not_deferred():
    """What has been imported before is what the block is given."""
    heavy_part = import_module("heavy_part")
    with deferred("heavy_part"):
        light_part = import_module("light_part")
    assert light_part.heavy_part is heavy_part
    assert light_part.Given is heavy_part.Given


def test_a_deferred_pattern_is_compiled_when_it_is_used(tmp_path, monkeypatch):
    """A faulty one is no obstacle to the import; whatever else `re` has is as ever, and others get `re` itself."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "with_patterns.py").write_text(
        "import re\nGOOD = re.compile('a+', re.IGNORECASE)\nFAULTY = re.compile('(')\nPLAIN = re.escape('.')\n"
    )
    (tmp_path / "afterwards.py").write_text("import re\nGOOD = re.compile('a+')\n")
    with patterns_deferred():
        found = import_module("with_patterns")
    assert (found.GOOD.fullmatch("AAA")[0], found.GOOD.fullmatch("AAB"), found.PLAIN) == ("AAA", None, "\\.")
    with pytest.raises(re.error):
        found.FAULTY.match("")
    assert isinstance(import_module("afterwards").GOOD, re.Pattern)
    for name in ("with_patterns", "afterwards"):
        sys.modules.pop(name)
