"""`fla-gateway audit find`: the calls about one declaration, by its number.

Owns the question. Refuses to show a number: the journal has its mask alone.
"""

from __future__ import annotations

import argparse
from typing import Final

from fla_gateway.cli.audit.listing import add_listing, list_selected
from fla_gateway.cli.options.journal_options import directory_of, selection_of
from fla_gateway.cli.options.journal_questions import masking_key_of
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("list the calls about a declaration, by its number")
DESCRIPTION: Final = Text(
    """\
List the calls about a declaration, oldest first: the call that made it, if the API answered with its Location, and all
that name it in their path. The journal has masks in the place of numbers; the command masks NUMBER with the key beside
the journal, `mask.key`, and needs that file.

Exit code 0: found; 1: not found, or something is missing from the journal.

examples:
  fla-gateway audit find 85073003328
  fla-gateway audit find 85073003328 --since 2026-11-01 --local"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "number", metavar="NUMBER", help=Text("as it is in the path: of a declaration, a person, a company")
    )
    add_listing(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the calls."""
    from fla_gateway.journal.reader.forms import text_table  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.masked_numbers import masks_of  # noqa: PLC0415 - as above

    directory = directory_of(arguments)
    selection = selection_of(arguments)._replace(masks=masks_of(arguments.number, masking_key_of(directory)))
    nothing = Text("no call of this journal has the number in its path, and none is known to have made it")
    return list_selected(selection, text_table.MADE, nothing, directory, arguments)
