"""Value: how this program was built: from its source alone, or with the data path compiled.

Owns the question, whose answer the version, the status and a metric have. Refuses to import what it looks at.
"""

from __future__ import annotations

from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec
from typing import Final

_COMPILED_FIRST: Final = "fla_gateway.http1.grammar"
"""A module of the data path; if it is a shared library, so are the others (pyproject.toml, ``[tool.fla-gateway]``)."""


def is_compiled() -> bool:
    """Return whether the data path runs as compiled code."""
    spec = find_spec(_COMPILED_FIRST)
    return spec is not None and isinstance(spec.loader, ExtensionFileLoader)


def compiled_word() -> str:
    """Return ``yes`` or ``no``."""
    return "yes" if is_compiled() else "no"
