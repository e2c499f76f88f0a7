"""`fla-gateway catalog`: the APIs that are known.

Owns the table and the JSON form. Refuses to know more than the catalogue says; what no source states stays empty.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.cli.output.language import shown
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.catalog.model import Service

SUMMARY: Final = Text("list the APIs that are known by name")
DESCRIPTION: Final = Text(
    """\
List the APIs that a profile's `services` can name, with path, environments and status. Any other path below /REST/
works as well: write it as a literal prefix, or leave `services` out.

examples:
  fla-gateway catalog
  fla-gateway catalog --json | jq '.[] | select(.status == "current") | .prefix'"""
)

_HEAD: Final = (Text("name"), Text("status"), Text("path"), Text("environments"), Text("title"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help=Text("everything that is known, as a JSON array"))


def run(arguments: argparse.Namespace) -> int:
    """Print the catalogue."""
    from fla_gateway.catalog.load import load  # noqa: PLC0415 - `--help` need not read it

    services = load().services
    if arguments.json:
        # A date is written as ISO 8601.
        print(json.dumps([asdict(service) for service in services], indent=2, default=str))
    else:
        print("\n".join(_table(services)))
    return WELL


def _table(services: Sequence[Service]) -> Iterator[str]:
    rows = [tuple(map(shown, _HEAD)), *(_row(service) for service in services)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(service: Service) -> tuple[str, ...]:
    return (
        service.name,
        service.status,
        service.prefix or shown(Text("(not public)")),
        ", ".join(service.environments) or shown(Text("(not known)")),
        shown(service.title),
    )
