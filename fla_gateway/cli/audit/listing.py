"""How the commands list exchanges of the journal: as a table, within 100 columns, or the lines themselves.

Owns what is printed of the exchanges that were chosen, and the command that only lists what it looked for. Refuses to
choose them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import (
    add_caller_and_profile,
    add_journal,
    add_since,
    add_until,
    history_of,
    report_shortfall,
)
from fla_gateway.cli.options.journal_questions import accounts_of, add_local, say_what_was_not_looked_at
from fla_gateway.cli.output.language import say
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from pathlib import Path

    from fla_gateway.journal.reader.accounts import Accounts
    from fla_gateway.journal.reader.exchange_history import Exchange
    from fla_gateway.journal.reader.filters import Selection
    from fla_gateway.journal.reader.forms.text_table import Column


def add_listing(parser: argparse.ArgumentParser) -> None:
    """Declare what a command takes that only lists what it looked for."""
    add_journal(parser)
    add_since(parser)
    add_until(parser)
    add_caller_and_profile(parser)
    add_local(parser)
    parser.add_argument("--json", action="store_true", help=Text("the lines as they are in the journal"))


def list_selected(
    selection: Selection, columns: tuple[Column, ...], nothing: Text, directory: Path, arguments: argparse.Namespace
) -> int:
    """List what is selected.

    Args:
        selection: what is looked for.
        columns: of the table.
        nothing: what is said where nothing was found.
        directory: of the journal.
        arguments: of `add_listing`.

    Returns:
        The exit code.
    """
    from fla_gateway.journal.reader.block_predicates import predicate_of  # noqa: PLC0415 - `--help` need not know

    history = history_of(directory, selection.since, predicate_of(selection))
    count = print_exchanges(filter(selection.picks, history), columns, directory, arguments)
    say_what_was_not_looked_at(directory, selection.since)
    missing = report_shortfall(history, selection)
    if not count and not arguments.json:
        say(nothing)
    return FINDINGS if missing or not count else WELL


def print_exchanges(
    exchanges: Iterable[Exchange], columns: tuple[Column, ...], directory: Path, arguments: argparse.Namespace
) -> int:
    """Print exchanges in one of the forms; return how many.

    Args:
        exchanges: in their order.
        columns: of a table.
        directory: of the journal, for the accounts.
        arguments: ``json``, ``local``, and ``short`` where the command has it.
    """
    counter = _Counter()
    for text in _texts(counter.count(exchanges), columns, directory, arguments):
        print(text)
    return counter.number


class _Counter:
    """Counts what goes by."""

    def __init__(self) -> None:
        self.number = 0

    def count(self, exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
        for exchange in exchanges:
            self.number += 1
            yield exchange


def _texts(
    exchanges: Iterable[Exchange], columns: tuple[Column, ...], directory: Path, arguments: argparse.Namespace
) -> Iterator[str]:
    from fla_gateway.journal.reader.forms import text_table  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    if arguments.json:
        yield from _lines(exchanges, accounts_of(directory))
    elif getattr(arguments, "short", False):
        yield from text_table.shortened(exchanges, printable, is_local=arguments.local)
    else:
        columns = text_table.in_local_time(columns) if arguments.local else columns
        yield from text_table.aligned(columns, exchanges, printable)


def _lines(exchanges: Iterable[Exchange], accounts: Accounts) -> Iterator[str]:
    # Printable ASCII: `journal.reader.segments.segment_reader` takes nothing else for a line.
    for exchange in exchanges:
        account = accounts.of(exchange)
        lines = (*((account.line,) if account else ()), *exchange.lines, *(it.line for it in exchange.settlements))
        yield from (line.raw.decode("ascii") for line in lines)
