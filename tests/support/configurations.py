"""Configurations for tests: written to a directory, loaded, and their faults looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from fla_gateway.config.load import load
from fla_gateway.config.settings import Settings
from fla_gateway.errors import ConfigurationError, Fault

EMPLOYER = """
[profiles.employer]
environment = "simulation"
client_id = "self_service_chaman_123456_78912"
key = { pem = "employer.key.pem" }
"""


class Folder:
    """A directory with configuration files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str | bytes, name: str = "gateway.toml") -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def load(self, text: str | bytes, environ: dict[str, str] | None = None, **further) -> Settings:
        return load(self.write(text), environ or {}, **further)

    def faults(self, text: str | bytes, environ: dict[str, str] | None = None, **further) -> tuple[Fault, ...]:
        with pytest.raises(ConfigurationError) as caught:
            self.load(text, environ, **further)
        return caught.value.faults

    def fault(self, text: str | bytes, environ: dict[str, str] | None = None) -> str:
        (only,) = self.faults(text, environ)
        return str(only)
