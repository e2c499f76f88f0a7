"""`fla-gateway audit show`: what was sent, and what is in doubt.

Owns which exchanges are chosen, and the exit code. Refuses to judge whether the journal is
whole; `audit verify` does.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.audit.listing import print_exchanges
from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import (
    add_journal,
    add_selection,
    directory_of,
    history_of,
    report_shortfall,
    selection_of,
)
from fla_gateway.cli.options.journal_questions import add_local, say_what_was_not_looked_at
from fla_gateway.cli.output.language import say, shown
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from pathlib import Path

    from fla_gateway.journal.reader.exchange_history import Exchange
    from fla_gateway.journal.reader.filters import Selection
    from fla_gateway.journal.reader.segments.block_filter import Predicate
    from fla_gateway.journal.reader.settlements import Settlements

SUMMARY: Final = Text("show exchanges of the journal, or which declarations are in doubt")
DESCRIPTION: Final = Text(
    """\
Show the exchanges of the audit journal, oldest first. It can be read while the gateway runs.

With --in-doubt: changing requests (POST, PUT, PATCH, DELETE and the like) whose result the journal does not
have, each with a reason. Exit code 1 if there is any, 0 if not; those that still run are shown and not counted.
What `audit settle` has settled is not in doubt any more: --settled lists it.

examples:
  fla-gateway audit show --last 20
  fla-gateway audit show --since 2h --caller payroll --outcome unknown
  fla-gateway audit show --in-doubt --since 2026-11-02
  fla-gateway audit show --settled --since 2026-11-01
  fla-gateway audit show --repeated --since 1w
  fla-gateway audit show --short --local --last 20
  fla-gateway audit show --reference batch-17 --json"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_journal(parser)
    add_selection(parser)
    parser.add_argument("--last", metavar="N", type=_count, help=Text("only the last N of them"))
    parser.add_argument(
        "--repeated", action="store_true", help=Text("only equal bodies that were sent to the same place within a day")
    )
    parser.add_argument("--short", action="store_true", help=Text("within 100 columns"))
    add_local(parser)
    parser.add_argument("--json", action="store_true", help=Text("the lines as they are in the journal"))


def run(arguments: argparse.Namespace) -> int:
    """Print the exchanges."""
    from fla_gateway.cli.audit.repeated import carried_again  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.filters import selected  # noqa: PLC0415 - as above

    selection, directory = selection_of(arguments), directory_of(arguments)
    tally = _Tally()
    chosen: Iterable[Exchange]
    if arguments.repeated:
        history, exchanges = carried_again(directory, selection.since)
        chosen = _repeated(tally.count(selected(exchanges, selection)), history.settlements)
    else:
        history = history_of(directory, selection.since, _predicate(directory, selection, arguments))
        chosen = tally.count(selected(history, selection))
    if arguments.last is not None:
        chosen = deque(chosen, maxlen=arguments.last)
    _print(chosen, selection, directory, arguments)
    say_what_was_not_looked_at(directory, selection.since)
    missing = report_shortfall(history, selection)
    if selection.in_doubt and not arguments.json:
        say(*_hint(tally, missing=missing))
    if selection.in_doubt:
        return FINDINGS if tally.in_doubt or missing else WELL
    return FINDINGS if history.damaged else WELL


def _predicate(directory: Path, selection: Selection, arguments: argparse.Namespace) -> Predicate:
    from fla_gateway.journal.reader.block_predicates import Everything, NotBefore, predicate_of  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.segments import segment_files, segment_reader  # noqa: PLC0415 - `--help` need not know

    predicate = predicate_of(selection)
    if isinstance(predicate, Everything) and arguments.last is not None:
        segments = segment_files.segments_of(directory)
        return NotBefore(segment_reader.seq_before_outcomes(directory, segments, arguments.last))
    return predicate


def _repeated(exchanges: Iterable[Exchange], settled: Settlements) -> Iterator[Exchange]:
    from fla_gateway.journal.reader.repetitions import repeated  # noqa: PLC0415 - `--help` need not know

    return repeated(exchanges, settled)


def _print(exchanges: Iterable[Exchange], selection: Selection, directory: Path, arguments: argparse.Namespace) -> None:
    from fla_gateway.journal.reader.forms import text_table  # noqa: PLC0415 - `--help` need not know

    columns = text_table.DOUBTS if selection.in_doubt else text_table.EXCHANGES
    if arguments.repeated:
        columns = text_table.BODIES
    if selection.settled and not arguments.json:
        columns, exchanges = text_table.SETTLEMENTS, text_table.each_settlement(exchanges)
    print_exchanges(exchanges, columns, directory, arguments)


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


def _hint(tally: _Tally, *, missing: bool) -> Iterator[Text]:
    from fla_gateway.journal.reader.in_doubt import REASONS  # noqa: PLC0415 - `--help` need not know

    if tally.running:
        yield Text("{count} still running in the gateway that writes this journal; not counted", count=tally.running)
    if missing:
        yield Text("Something is missing from this journal; what was in doubt there is unknown.")
    if not tally.in_doubt:
        yield Text("nothing is in doubt in what is left") if missing else Text("nothing is in doubt")
        return
    yield Text("{count} in doubt:", count=tally.in_doubt)
    for word, count in tally.reasons.items():
        yield Text("  {reason} ({count}): {meaning}", reason=word, count=count, meaning=REASONS[word])
    yield Text(
        "Ask the API itself before you send anything again: find the declaration by what its reference names in your\n"
        "own books. Those who run the API can find it by trace_sent, trace_again, trace_received (BelGov-Trace-Id)."
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(shown(Text("must be a whole number above 0")))
    return int(text)
