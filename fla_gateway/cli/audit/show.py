"""`fla-gateway audit show`: what was sent, and what is in doubt.

Owns what is printed of the exchanges that were chosen, and the exit code. Refuses to judge whether the journal is
whole; `audit verify` does.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import (
    add_journal,
    add_selection,
    directory_of,
    history_of,
    report_shortfall,
    selection_of,
)

if TYPE_CHECKING:
    from fla_gateway.journal.reader.exchange_history import Exchange
    from fla_gateway.journal.reader.filters import Selection

SUMMARY: Final = "show exchanges of the journal, or which declarations are in doubt"
DESCRIPTION: Final = """\
Show the exchanges of the audit journal, oldest first. It can be read while the gateway runs.

With --in-doubt: changing requests (POST, PUT, PATCH, DELETE and the like) whose result the journal does not
have, each with a reason. Exit code 1 if there is any, 0 if not; those that still run are shown and not counted.
What `audit settle` has settled is not in doubt any more: --settled lists it.

examples:
  fla-gateway audit show --last 20
  fla-gateway audit show --since 2h --caller payroll --outcome unknown
  fla-gateway audit show --in-doubt --since 2026-11-02
  fla-gateway audit show --settled --since 2026-11-01
  fla-gateway audit show --reference batch-17 --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_journal(parser)
    add_selection(parser)
    parser.add_argument("--last", metavar="N", type=_count, help="only the last N of them")
    parser.add_argument("--json", action="store_true", help="the lines as they are in the journal")


def run(arguments: argparse.Namespace) -> int:
    """Print the exchanges."""
    from fla_gateway.journal.reader.wishes import wish_of  # noqa: PLC0415 - `--help` need not know

    selection = selection_of(arguments)
    history = history_of(directory_of(arguments), selection.since, wish_of(selection))
    tally = _Tally()
    chosen: Iterable[Exchange] = tally.count(filter(selection.picks, history))
    if arguments.last is not None:
        chosen = deque(chosen, maxlen=arguments.last)
    for text in _texts(chosen, selection, json=arguments.json):
        print(text)
    missing = report_shortfall(history, selection)
    if selection.in_doubt and not arguments.json:
        print("\n".join(_hint(tally, missing=missing)))
    if selection.in_doubt:
        return FINDINGS if tally.in_doubt or missing else WELL
    return FINDINGS if history.damaged else WELL


class _Tally:
    """Counts what goes by."""

    def __init__(self) -> None:
        self.reasons: dict[str, int] = {}
        self.running = 0

    @property
    def in_doubt(self) -> int:
        return sum(self.reasons.values())

    def count(self, exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
        from fla_gateway.journal.reader.in_doubt import reason  # noqa: PLC0415 - `--help` need not know

        for exchange in exchanges:
            why = reason(exchange)
            if why:
                self.reasons[why] = self.reasons.get(why, 0) + 1
            self.running += exchange.running
            yield exchange


def _texts(exchanges: Iterable[Exchange], selection: Selection, *, json: bool) -> Iterator[str]:
    from fla_gateway.journal.reader import text_table  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    if json:
        # Printable ASCII: `journal.reader.segment_reader` takes nothing else for a line.
        for exchange in exchanges:
            yield from (line.raw.decode("ascii") for line in exchange.lines)
            yield from (it.line.raw.decode("ascii") for it in exchange.settlements)
        return
    if selection.settled:
        yield from text_table.aligned(text_table.SETTLEMENTS, text_table.each_settlement(exchanges), printable)
        return
    columns = text_table.DOUBTS if selection.in_doubt else text_table.EXCHANGES
    yield from text_table.aligned(columns, exchanges, printable)


def _hint(tally: _Tally, *, missing: bool) -> Iterator[str]:
    from fla_gateway.journal.reader.in_doubt import REASONS  # noqa: PLC0415 - `--help` need not know

    if tally.running:
        yield f"{tally.running} still running in the gateway that writes this journal; not counted"
    if missing:
        yield "Something is missing from this journal; what was in doubt there is unknown."
    if not tally.in_doubt:
        yield "nothing is in doubt in what is left" if missing else "nothing is in doubt"
        return
    yield f"{tally.in_doubt} in doubt:"
    yield from (f"  {word} ({count}): {REASONS[word]}" for word, count in tally.reasons.items())
    yield "Ask the API itself before you send anything again: find the declaration by what its reference names in your"
    yield "own books. Those who run the API can find it by trace_sent, trace_again, trace_received (BelGov-Trace-Id)."


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)
