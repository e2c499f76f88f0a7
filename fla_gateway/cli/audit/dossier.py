"""`fla-gateway audit dossier`: what an inspector gets of a period, as a folder.

Owns the folder: which files, that none is written over, and that the same journal gives the same bytes. Refuses to
judge: each part is what the other commands say.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.audit.verify import PROVES, PROVES_NOT, verdict_lines
from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import (
    add_caller_and_profile,
    add_journal,
    add_since,
    add_until,
    directory_of,
    history_of,
    report_shortfall,
    selection_of,
)
from fla_gateway.cli.options.journal_questions import accounts_of, add_local, not_looked_at, write_new
from fla_gateway.cli.output.language import shown
from fla_gateway.errors import JournalError, reason_of
from fla_gateway.i18n.message import Plural, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.journal.reader.accounts import Accounts
    from fla_gateway.journal.reader.exchange_history import Exchange, History
    from fla_gateway.journal.reader.filters import Selection
    from fla_gateway.journal.reader.verification import Verdict

SUMMARY: Final = Text("make a folder for an inspector: what was sent in a period, and what proves it")
DESCRIPTION: Final = Text(
    """\
Make the folder DIR with what an inspector asks for of a period: the exchanges as CSV, the open and the settled doubts,
the accounts and certificates, what `audit verify` says of the whole journal with its head, and one page that says what
this proves and what it does not. The same journal gives the same bytes, so that two can be compared; what still runs
counts as not ended; the texts are in the language of the command. DIR must not exist or be empty; files have mode
0600. All times are UTC.

Exit code 0: made; 1: made, and `audit verify` has findings, or something is missing from the journal.

examples:
  fla-gateway audit dossier --since 2026-10-01 --until 2026-12-31 quarter-4
  fla-gateway audit dossier --since 2026-11-24 --until 2026-11-24 --profile employer tuesday"""
)

README: Final = "README.txt"
EXCHANGES: Final = "exchanges.csv"
DOUBTS: Final = "doubts-open.txt"
SETTLED: Final = "doubts-settled.txt"
ACCOUNTS: Final = "accounts.txt"
VERIFY: Final = "verify.txt"

NOT_PROVEN: Final = (
    Text("It says nothing about what did not pass through the gateway, nor about what the API did with a request."),
    Text("Numbers in paths, and bodies, are there as keyed hashes: to find a number or a file, ask `audit find` and "
         "`audit match` beside the journal, which need mask.key."),
    Text("The hash of a body proves nothing to others: with mask.key another body can be made that has the same one."),
    Text("The name in `by` of a settlement is what a person gave; the user id beside it was proven by the kernel."),
    Text("Reference and trace ids are what the calling program and the API sent."),
    Text("Times are those of the gateway's own clock."),
)  # fmt: skip
"""What a dossier does not show, beside what `audit verify` says of itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, help=Text("the folder to make"))
    add_journal(parser)
    add_since(parser)
    add_until(parser)
    add_caller_and_profile(parser)
    add_local(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the folder."""
    from fla_gateway.journal.reader.segments import segment_files, segment_reader  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.verification import verify  # noqa: PLC0415 - as above

    directory, selection, folder = directory_of(arguments), selection_of(arguments), arguments.directory
    segments = segment_files.segments_of(directory)
    _make(folder)
    verdict = verify(segment_reader.read_blocks(directory, segments))
    foreign = segment_files.foreign_files_of(directory)
    accounts = accounts_of(directory)
    histories: list[History] = []
    files: dict[str, Callable[[], Iterable[str]]] = {
        EXCHANGES: partial(_exchanges, directory, selection, accounts, histories),
        DOUBTS: partial(_doubts, directory, selection._replace(in_doubt=True)),
        SETTLED: partial(_doubts, directory, selection._replace(settled=True)),
        ACCOUNTS: partial(_accounts, accounts, selection),
        VERIFY: lambda: (f"{line}\n" for line in verdict_lines(verdict, foreign)),
    }
    for name, lines in files.items():
        write_new(folder / name, lines())
    write_new(folder / README, _page(folder, list(files), selection, verdict, not_looked_at(directory)))
    missing = report_shortfall(histories[0], selection)
    return FINDINGS if missing or verdict.count or foreign else WELL


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        reason = reason_of(error)
        raise JournalError(Text("{folder} cannot be made: {reason}", folder=folder, reason=reason)) from None
    if not is_empty:
        raise JournalError(Text("{folder} is not empty, and nothing is written over", folder=folder))


def _history(directory: Path, selection: Selection) -> History:
    from fla_gateway.journal.reader.block_predicates import predicate_of  # noqa: PLC0415 - `--help` need not know

    history = history_of(directory, selection.since, predicate_of(selection))
    # What runs now does not run when the same question is put again.
    history.ignore_running()
    return history


def _exchanges(directory: Path, selection: Selection, accounts: Accounts, histories: list[History]) -> Iterator[str]:
    from fla_gateway.journal.reader.filters import selected  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.forms import csv_export  # noqa: PLC0415 - as above

    history = _history(directory, selection)
    histories.append(history)
    return csv_export.rows(selected(history, selection), accounts)


def _doubts(directory: Path, selection: Selection) -> Iterator[str]:
    from fla_gateway.journal.reader.filters import selected  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.forms import text_table  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    chosen: Iterable[Exchange] = selected(_history(directory, selection), selection)
    columns = text_table.DOUBTS
    if selection.settled:
        columns, chosen = text_table.SETTLEMENTS, text_table.each_settlement(chosen)
    is_empty = True
    for row in text_table.aligned(columns, chosen, printable):
        is_empty = False
        yield f"{row}\n"
    if is_empty:
        yield _line(Text("none"))


def _accounts(accounts: Accounts, selection: Selection) -> Iterator[str]:
    from fla_gateway.journal.reader.accounts import MEMBERS  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    names = ("from", "seq", *MEMBERS)
    yield "  ".join(names) + "\n"
    for account in accounts.between(selection.since, selection.until):
        if not selection.profile or account.text("profile") == selection.profile:
            cells = (account.time, str(account.seq), *(printable(it) or "-" for it in account.facts))
            yield "  ".join(cells) + "\n"


def _page(folder: Path, names: list[str], selection: Selection, verdict: Verdict, removed: str) -> Iterator[str]:
    since, until = selection.since or Text("the beginning"), selection.until or Text("the end")
    yield _line(Text("What was sent from {since} to {until} (UTC)", since=since, until=until))
    for name, value in (("caller", selection.caller), ("profile", selection.profile)):
        if value:
            yield _line(Text("only of {name} {value}", name=name, value=value))
    yield "\n" + _line(Text("Files, with their SHA-256:"))
    for name in names:
        yield f"{_digest(folder / name)}  {name}\n"
    yield "\n" + _line(Text("Head of the journal: {head} (record {seq})", head=verdict.head, seq=verdict.seq))
    found: Text = Text("`fla-gateway audit verify` found nothing wrong.")
    if verdict.count:
        found = Plural(
            "`fla-gateway audit verify` has {count} finding: see {file}.",
            "`fla-gateway audit verify` has {count} findings: see {file}.",
            count=verdict.count,
            file=VERIFY,
        )
    yield _line(found)
    if removed:
        yield _line(removed)
    yield "\n" + _line(Text("What this proves")) + _line(PROVES)
    yield _line(Text("Each exchange is in the journal, before its first byte was sent if it changes something."))
    yield "\n" + _line(Text("What it does not prove")) + _line(PROVES_NOT)
    yield from map(_line, NOT_PROVEN)


def _line(text: str) -> str:
    return f"{shown(text)}\n"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while part := file.read(1_048_576):
            digest.update(part)
    return digest.hexdigest()
