"""`fla-gateway audit find`: the calls about one declaration, by its number.

Owns the question and the exit code. Refuses to show a number: the journal has its mask alone.
"""

from __future__ import annotations

import argparse
from typing import Final

from fla_gateway.cli.audit.show import print_exchanges
from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import (
    add_journal,
    add_since,
    add_until,
    add_whom,
    directory_of,
    history_of,
    report_shortfall,
    selection_of,
)
from fla_gateway.cli.options.journal_questions import add_local, masking_key_of, say_what_was_not_looked_at
from fla_gateway.cli.output.language import say
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
    add_journal(parser)
    add_since(parser)
    add_until(parser)
    add_whom(parser)
    add_local(parser)
    parser.add_argument("--json", action="store_true", help=Text("the lines as they are in the journal"))


def run(arguments: argparse.Namespace) -> int:
    """Print the calls."""
    from fla_gateway.journal.reader import text_table  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.masked_numbers import masks_of  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.wishes import wish_of  # noqa: PLC0415 - as above

    directory = directory_of(arguments)
    selection = selection_of(arguments)._replace(masks=masks_of(arguments.number, masking_key_of(directory)))
    history = history_of(directory, selection.since, wish_of(selection))
    count = print_exchanges(filter(selection.picks, history), text_table.MADE, directory, arguments)
    say_what_was_not_looked_at(directory, selection.since)
    missing = report_shortfall(history, selection)
    if not count and not arguments.json:
        say(Text("no call of this journal has the number in its path, and none is known to have made it"))
    return FINDINGS if missing or not count else WELL
