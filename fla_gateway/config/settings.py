"""The configuration as the program receives it: checked, complete, and with its secrets wrapped.

Owns the value that `load` gives. Refuses to know how it came about.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fla_gateway.config.schema import Configuration
from fla_gateway.errors import Fault
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration that breaks no rule.

    Attributes:
        configuration: every table, with absolute paths.
        passwords: value of each environment variable that a `password_env` names, by the variable's name.
        sources: the files it was read from; the one that was asked for comes first.
        warnings: what is allowed but deserves a look.
    """

    configuration: Configuration
    passwords: Mapping[str, Secret]
    sources: tuple[Path, ...]
    warnings: tuple[Fault, ...] = ()
