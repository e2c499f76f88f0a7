"""`fla-gateway audit export`: exchanges for a spreadsheet.

Owns where the sheet goes. Refuses to write over a file, and to let others read what it makes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
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
from fla_gateway.errors import JournalError

SUMMARY: Final = "write exchanges of the journal as CSV"
DESCRIPTION: Final = """\
Write exchanges of the audit journal as CSV (RFC 4180, UTF-8, commas), one row for each. What came from outside cannot
become a formula: an apostrophe is put before it. A file that exists is never written over; a new one has mode 0600.

examples:
  fla-gateway audit export --csv november.csv --since 2026-11-01 --until 2026-11-30
  fla-gateway audit export --csv --caller payroll | head
  fla-gateway audit export --csv doubts.csv --in-doubt"""

_STANDARD_OUTPUT: Final = Path("-")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_journal(parser)
    add_selection(parser)
    parser.add_argument(
        "--csv",
        metavar="FILE",
        type=Path,
        nargs="?",
        const=_STANDARD_OUTPUT,
        required=True,
        help="the file to make; without one, standard output",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the sheet."""
    from fla_gateway.journal.reader import csv_export  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.wishes import wish_of  # noqa: PLC0415 - as above

    selection = selection_of(arguments)
    history = history_of(directory_of(arguments), selection.since, wish_of(selection))
    rows = csv_export.rows(filter(selection.picks, history))
    if arguments.csv == _STANDARD_OUTPUT:
        # Bytes, so that no line break is changed on the way.
        for row in rows:
            sys.stdout.buffer.write(row.encode())
    else:
        _write(arguments.csv, rows)
    return FINDINGS if report_shortfall(history, selection) else WELL


def _write(path: Path, rows: Iterable[str]) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise JournalError(f"{path} exists already, and is not written over") from None
    except OSError as error:
        raise JournalError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.writelines(row.encode() for row in rows)
    except OSError as error:
        raise JournalError(f"{path} cannot be written: {error.strerror}") from None
