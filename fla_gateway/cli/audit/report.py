"""`fla-gateway audit report`: what went wrong in a period, on one page.

Owns the page. Refuses to decide what a failure is; `journal.reader.failure_report` does.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

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
from fla_gateway.cli.options.journal_questions import add_local, say_what_was_not_looked_at
from fla_gateway.cli.output.language import say, two_columns
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.journal.reader.failure_report import FailureReport, Failures, Listed
    from fla_gateway.journal.reader.filters import Selection

SUMMARY: Final = Text("report what went wrong in a period, on one page")
DESCRIPTION: Final = Text(
    """\
Report what went wrong in a period, the last week if none is given: the first and the last failure of each hop, in local
time and in UTC, how many calls, trace ids, what was not sent, what is in doubt, and what was settled. Without failures
it is the count of the period.

Exit code 0: nothing is in doubt; 1: something is, or something is missing from the journal.

examples:
  fla-gateway audit report --since 2026-11-24 --until 2026-11-24
  fla-gateway audit report --since 2026-11-24T08:00 --until 2026-11-24T10:00 --local"""
)

HOPS: Final = {
    "gateway": Text("this gateway"),
    "token-server": Text("the token server"),
    "network": Text("the network to the API"),
    "upstream": Text("the API"),
}
"""Where a call can fail, on its way."""

_PERIOD: Final = "1w"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_journal(parser)
    add_since(parser, _PERIOD)
    add_until(parser)
    add_caller_and_profile(parser)
    add_local(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    from fla_gateway.journal.reader.block_predicates import Counting, predicate_of  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.failure_report import FailureReport  # noqa: PLC0415 - `--help` need not know

    selection, directory = selection_of(arguments), directory_of(arguments)
    report = FailureReport(selection.since, selection.until)
    is_narrow = bool(selection.caller or selection.profile)
    predicate = predicate_of(selection) if is_narrow else Counting(selection.since, selection.until)
    history = history_of(directory, selection.since, predicate, None if is_narrow else report.follow)
    report.take_all(filter(selection.picks, history))
    say(*_page(report, selection, is_local=arguments.local))
    say_what_was_not_looked_at(directory, selection.since)
    missing = report_shortfall(history, selection)
    return FINDINGS if report.in_doubt.count or missing else WELL


def _page(report: FailureReport, selection: Selection, *, is_local: bool) -> Iterator[str]:
    from fla_gateway.journal.reader.forms.local_time import local  # noqa: PLC0415 - `--help` need not know

    begin, end = (local(it) if is_local else it for it in (selection.since, selection.until))
    yield Text("from {begin} to {end}", begin=begin, end=end or Text("now"))
    yield Text("{calls} calls, {changes} of them changing", calls=report.calls, changes=report.changes)
    if report.running:
        yield Text("{count} still running", count=report.running)
    if report.refusals:
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(report.refusals.items()))
        yield Text("answers 4xx of the API, which are its word about a request: {statuses}", statuses=statuses)
    if not report.failures:
        yield Text("nothing failed")
    for hop, words in HOPS.items():
        yield from _hop(report, hop, words)
    yield from _listed(Text("not sent, so that it has to be sent again"), report.not_sent, is_local=is_local)
    yield from _listed(
        Text("in doubt: `fla-gateway audit show --in-doubt` has more"), report.in_doubt, is_local=is_local
    )
    yield from _listed(Text("was in doubt, and a person has settled it"), report.settled, is_local=is_local)


def _hop(report: FailureReport, hop: str, words: Text) -> Iterator[str]:
    from fla_gateway.journal.reader.failure_report import Failures  # noqa: PLC0415 - `--help` need not know

    kinds = {kind.what: it for kind, it in report.failures.items() if kind.hop == hop}
    if not kinds:
        return
    whole = Failures(
        sum(it.count for it in kinds.values()),
        min(it.first for it in kinds.values()),
        max(it.last for it in kinds.values()),
    )
    yield ""
    yield Text("{hop}: {count} failed", hop=words, count=whole.count)
    yield from _times(whole)
    for what, failures in sorted(kinds.items(), key=lambda it: -it[1].count):
        yield f"  {failures.count} x {what}"
        if failures.traces:
            yield Text("    trace ids: {traces}", traces=", ".join(failures.traces))


def _times(failures: Failures) -> Iterator[str]:
    from fla_gateway.journal.reader.forms.local_time import local  # noqa: PLC0415 - `--help` need not know

    times = ((Text("first"), failures.first), (Text("last"), failures.last))
    yield from (f"  {line}" for line in two_columns((label, f"{local(it)} ({it})") for label, it in times))


def _listed(title: Text, listed: Listed, *, is_local: bool) -> Iterator[str]:
    from fla_gateway.journal.reader.forms import text_table  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    if not listed.count:
        return
    yield ""
    yield Text("{count} {title}", count=listed.count, title=title)
    yield from text_table.shortened(listed.exchanges, printable, is_local=is_local)
    if listed.count > len(listed.exchanges):
        yield Text("and {count} more", count=listed.count - len(listed.exchanges))
