"""`fla-gateway schema`: the JSON schema of the configuration, for editors.

Owns what is printed. Refuses to make it: it is in the package, and a test keeps it equal to what the program reads.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("print the JSON schema of the configuration, for editors")
DESCRIPTION: Final = Text(
    """\
Print the JSON schema of the configuration file. Editors that know one complete its keys and mark mistakes while a file
is written: put `#:schema gateway.schema.json` into its first line (taplo, and Even Better TOML in VS Code).

`fla-gateway check` finds more: rules between keys, files, keys and certificates.

examples:
  fla-gateway schema > gateway.schema.json"""
)

SCHEMA: Final = Path(__file__).parents[1] / "config" / "gateway.schema.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes: nothing."""


def run(_arguments: argparse.Namespace) -> int:
    """Print it."""
    print(SCHEMA.read_text(encoding="utf-8"), end="")
    return WELL
