"""Configurations for tests: written to a directory, loaded, and their faults looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from fla_gateway.config.load import load
from fla_gateway.config.rules.caller_rules import PLACEHOLDER
from fla_gateway.config.rules.example_values import EXAMPLE_CLIENT
from fla_gateway.config.settings import Settings
from fla_gateway.errors import ConfigurationError, Fault

EMPLOYER = """
[profiles.employer]
environment = "simulation"
client_id = "self_service_chaman_654321_tests"
key = { pem = "employer.key.pem" }
"""


def own(text):
    """Put values of an operator's own into the place of the placeholders, which are faults."""
    text = text.replace(EXAMPLE_CLIENT, "self_service_chaman_000000_example")
    for number in range(1, 1 + text.count(PLACEHOLDER)):
        text = text.replace(PLACEHOLDER, f"{number:064x}", 1)
    return text


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
