"""What the program says about how it was built."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES

from fla_gateway import build_info
from fla_gateway.http1 import grammar


def test_compiled_means_that_the_grammar_is_a_shared_library():
    """The answer is that of the file which the interpreter has loaded."""
    assert build_info.is_compiled() == grammar.__file__.endswith(tuple(EXTENSION_SUFFIXES))
    assert build_info.compiled_word() == ("yes" if build_info.is_compiled() else "no")
