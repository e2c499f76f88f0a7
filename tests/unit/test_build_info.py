"""What the program says about how it was built, and whether what is compiled is compiled well."""

from __future__ import annotations

import importlib
import inspect
import runpy
import tomllib
from enum import Enum
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from fla_gateway import build_info
from fla_gateway.http1 import grammar
from tests.conftest import COMPILED

ROOT = Path(__file__).parents[2]
MODULES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["fla-gateway"]["compiled"]


def is_library(module) -> bool:
    """Tell whether a module that was imported is a shared library."""
    return str(module.__file__).endswith(tuple(EXTENSION_SUFFIXES))


def test_compiled_means_that_the_grammar_is_a_shared_library():
    """The answer is that of the file which the interpreter has loaded."""
    assert build_info.is_compiled() == is_library(grammar)
    assert build_info.compiled_word() == ("yes" if build_info.is_compiled() else "no")


def test_the_run_on_the_compiled_wheel_is_one():
    """`make test-compiled` tests shared libraries, `make test` the source."""
    assert is_library(grammar) == COMPILED


@pytest.mark.skipif(COMPILED, reason="is refused where the package is the source")
def test_a_compiled_run_that_finds_the_source_ends_at_once(monkeypatch):
    """With 2, before any test: nothing would be shown by it."""
    monkeypatch.setenv("FLA_GATEWAY_TESTS", "compiled")
    configure = runpy.run_path(str(ROOT / "tests" / "conftest.py"))["pytest_configure"]
    with pytest.raises(pytest.exit.Exception, match="imported here is not the compiled one") as ended:
        configure()
    assert ended.value.returncode == 2


def is_native(kind) -> bool:
    """Tell whether a class is compiled as a whole: only such a one refuses to be extended."""
    try:
        type("Extended", (kind,), {})()
    except TypeError as error:
        return "interpreted classes cannot inherit from compiled" in str(error)
    return False


@pytest.mark.skipif(not COMPILED, reason="looks at the compiled modules: make test-compiled")
def test_every_listed_module_is_compiled_and_its_classes_are_native():
    """A class that mypyc leaves to the interpreter, since it inherits from one that is not compiled, say, is slower.

    Named tuples, protocols, enumerations and errors are always the interpreter's.
    """
    modules = [importlib.import_module(name) for name in MODULES]
    assert [it.__name__ for it in modules if not is_library(it)] == []
    kinds = [it for module in modules for it in vars(module).values() if inspect.isclass(it)]
    own = [it for it in kinds if it.__module__ in MODULES and not issubclass(it, (tuple, BaseException, Enum))]
    assert len(own) > 50
    assert [it.__name__ for it in own if not getattr(it, "_is_protocol", False) and not is_native(it)] == []
