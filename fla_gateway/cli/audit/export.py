"""`fla-gateway audit export`: exchanges for a spreadsheet.

Owns where the sheet goes. Refuses to write over a file, and to let others read what it makes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import (
    add_journal,
    add_selection,
    directory_of,
    history_of,
    report_shortfall,
    selection_of,
)
from fla_gateway.cli.options.journal_questions import accounts_of, say_what_was_not_looked_at, write_new
from fla_gateway.cli.output.language import shown
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("write exchanges of the journal as CSV")
DESCRIPTION: Final = Text(
    """\
Write exchanges of the audit journal as CSV (RFC 4180, UTF-8, commas), one row for each, with the account and the
certificate that its profile had then. --excel writes the same for a Belgian Excel: semicolons, a byte order mark,
decimal commas, local times beside UTC, and what each word of outcome means. What came from outside cannot become a
formula: an apostrophe is put before it. A file that exists is never written over; a new one has mode 0600.

examples:
  fla-gateway audit export --since 2026-11-01 --until 2026-11-30 > november.csv
  fla-gateway audit export --excel november.csv --since 2026-11-01 --local
  fla-gateway audit export --excel client.csv --reference 0123456789
  fla-gateway audit export --csv doubts.csv --in-doubt"""
)

_STANDARD_OUTPUT: Final = Path("-")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_journal(parser)
    add_selection(parser)
    parser.add_argument(
        "--local", action="store_true", help=Text("--since and --until are local times where they have no offset")
    )
    form = parser.add_mutually_exclusive_group()
    for name, words in (("--csv", Text("with commas, the default")), ("--excel", Text("as a Belgian Excel opens it"))):
        form.add_argument(
            name,
            metavar="FILE",
            type=Path,
            nargs="?",
            const=_STANDARD_OUTPUT,
            help=Text("{words}; the file to make, or standard output without one", words=words),
        )


def run(arguments: argparse.Namespace) -> int:
    """Write the sheet."""
    from fla_gateway.journal.reader.block_predicates import predicate_of  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.filters import selected  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.forms import csv_export  # noqa: PLC0415 - as above

    selection, directory = selection_of(arguments), directory_of(arguments)
    history = history_of(directory, selection.since, predicate_of(selection))
    chosen, accounts = selected(history, selection), accounts_of(directory)
    is_csv = arguments.excel is None
    rows = csv_export.rows(chosen, accounts) if is_csv else csv_export.excel_rows(chosen, accounts, shown)
    path = arguments.csv or arguments.excel or _STANDARD_OUTPUT
    if path == _STANDARD_OUTPUT:
        # Bytes, so that no line break is changed on the way.
        for row in rows:
            sys.stdout.buffer.write(row.encode())
    else:
        write_new(path, rows)
    say_what_was_not_looked_at(directory, selection.since)
    return FINDINGS if report_shortfall(history, selection) else WELL
