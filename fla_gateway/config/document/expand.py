"""Rule: what is done to the texts of one file before files are joined.

Owns `${NAME}` and the meaning of relative paths. Refuses to know the process's environment, which it is given, and
which keys hold a path, which the schema says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_paths import is_address, is_file
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text

_VARIABLE: Final = re.compile(r"\$\$|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_CURE: Final = Text("$$ means a dollar sign")
_NO_NAME: Final = Message(
    "variable-malformed", "has a ${{ that begins no name of an environment variable, such as ${{NAME}}"
)
_NOT_SET: Final = Message("variable-not-set", "takes an environment variable that is not set")
_NOT_EXPANDED: Final = ("~/", "file:")
"""Beginnings of a path that shells and browsers replace."""
_NO_PATH: Final = Message("path-not-plain", "must be a plain path: neither ~ nor file: is replaced here")
_PLAIN: Final = Text("write it from / on, or relative to this file; ${{HOME}}/ is replaced")


class Expander:
    """Expands the documents of one file and gathers what is wrong on the way.

    Attributes:
        faults: what was found so far, with the path of keys where it is; the name of a variable is not repeated,
            since a password may hold ``${``.
    """

    def __init__(self, label: str, base: Path, environ: Mapping[str, str]) -> None:
        self.faults: list[tuple[tuple[str | int, ...], Fault]] = []
        self._label = label
        self._base = base
        self._environ = environ

    def expand(self, value: Any, path: tuple[str | int, ...] = ()) -> Any:
        """Give a copy with variables replaced and relative paths made absolute.

        A path is not resolved further: symbolic links and ``..`` keep their meaning until the file is opened.
        """
        match value:
            case dict():
                return {key: self.expand(item, (*path, key)) for key, item in value.items()}
            case list():
                return [self.expand(item, (*path, index)) for index, item in enumerate(value)]
            case str():
                return self._absolute(self._substitute(value, path), path)
            case _:
                return value

    def _substitute(self, text: str, path: tuple[str | int, ...]) -> str:
        if "$" not in text:  # as nearly all; hundreds of profiles have thousands
            return text

        def replacement(match: re.Match[str]) -> str:
            if match[0] == "$$":
                return "$"
            if match["name"] is None:
                self._fault(path, _NO_NAME)
            elif match["name"] in self._environ:
                return self._environ[match["name"]]
            else:
                self._fault(path, _NOT_SET)
            # A value is needed here until all faults are known; the loader judges it no further.
            return "unset"

        return _VARIABLE.sub(replacement, text)

    def _absolute(self, text: str, path: tuple[str | int, ...]) -> str:
        if text and is_file(path):
            if text.startswith(_NOT_EXPANDED):
                self._fault(path, _NO_PATH, _PLAIN)
            # The schema makes a path of it; joining paths takes ten times as long, and hundreds of profiles have some.
            return text if _is_content(text) else os.path.join(self._base, text)  # noqa: PTH118 - see above
        if text.startswith("unix:") and not text.startswith("unix:@") and text != "unix:" and is_address(path):
            return f"unix:{self._base / text.removeprefix('unix:')}"
        return text

    def _fault(self, path: tuple[str | int, ...], message: Message, cure: Text = _CURE) -> None:
        self.faults.append((path, Fault(place(path), message, cure, self._label)))


def _is_content(text: str) -> bool:
    # The schema refuses it and says why; it must not become a path that a message shows.
    return "-----BEGIN" in text or not text.isprintable()
