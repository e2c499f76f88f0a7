"""`fla-gateway audit settle`: a person has found out what became of a request that was in doubt.

Owns arguments, the question, and who writes: the gateway that runs, or else this command. Refuses to decide what can be
settled; `journal.settling` does, for both.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, UNAVAILABLE, WELL
from fla_gateway.cli.options.admin_client import add_admin, add_json
from fla_gateway.cli.options.journal_options import (
    add_filters,
    add_journal,
    directory_of,
    history_of,
    identity,
    report_shortfall,
    selection_of,
)
from fla_gateway.cli.output.language import say, shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.i18n.message import Plural, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from collections.abc import Sequence

    from fla_gateway.journal.snapshot import Settlement

SUMMARY: Final = Text("record what became of requests that were in doubt")
DESCRIPTION: Final = Text(
    """\
Record that a person has found out what became of a request in doubt: it was done, it was not done, or it was not done
and has been sent again. From then on it is in doubt no more. The record stays, with the user id of who asked; a later
one counts in its place, and takes nothing away: `audit show --settled` lists all.

Only what is in the journal, is in doubt and runs no more can be settled; otherwise nothing is. Without ids, the filters
choose: on a terminal the list is shown, and is settled after a yes. The running gateway writes, for those who may
reload it; while none runs, this command does, as the gateway's user.

Exit code 0: settled; 1: not settled, with the reason for each; 69: the journal is in use, and no gateway answers.

examples:
  fla-gateway audit settle 4f1c2a9e-7d5c-4a0e-9b1d-3f9a7c1d2e4f --as done --note "seen in the portal" --by Ann
  fla-gateway audit settle --since 2026-11-02 --reference batch-17 --as not-done"""
)

_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.1
_NO_TERMINAL: Final = Text(
    "name the request ids; only on a terminal the list of what is in doubt is shown, and settled after a yes"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "ids", metavar="REQUEST-ID", nargs="*", type=identity, help=Text("what became known (default: ask)")
    )
    parser.add_argument(
        "--as",
        dest="result",
        choices=("done", "not-done", "sent-again"),
        required=True,
        help=Text("what became of it; sent-again: it was not done, and another request was sent in its place"),
    )
    parser.add_argument("--note", metavar="TEXT", default="", help=Text("how that is known; one line"))
    parser.add_argument("--by", metavar="NAME", default="", help=Text("who found it out; nothing proves the name"))
    add_journal(parser)
    add_filters(parser)
    add_admin(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Choose, ask, settle, print."""
    from fla_gateway.journal.settling import MOST_AT_ONCE, text_fault  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.snapshot import Settlement  # noqa: PLC0415 - as above

    uid = os.getuid()
    fault = text_fault(Settlement("", arguments.result, arguments.note, arguments.by, uid))
    if fault is not None:
        complain(fault)
        return FINDINGS
    ids = list(dict.fromkeys(arguments.ids)) or _chosen(arguments)
    if not ids:
        return FINDINGS
    if len(ids) > MOST_AT_ONCE:
        complain(
            Text(
                "{number} are more than {most} at once: narrow the filters; nothing was settled",
                number=len(ids),
                most=MOST_AT_ONCE,
            )
        )
        return FINDINGS
    return _settle(arguments, [Settlement(it, arguments.result, arguments.note, arguments.by, uid) for it in ids])


def _chosen(arguments: argparse.Namespace) -> list[str]:
    """Show what is in doubt, and ask; nothing where the answer is no, or nothing can be asked."""
    from fla_gateway.journal.reader.forms import text_table  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.in_doubt import reason  # noqa: PLC0415 - as above
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        complain(_NO_TERMINAL)
        return []
    selection = selection_of(arguments)
    history = history_of(directory_of(arguments), selection.since)
    doubts = [one for one in history if selection.picks(one) and reason(one)]
    for text in text_table.aligned(text_table.DOUBTS, doubts, printable):
        print(text)
    report_shortfall(history, selection)
    if not doubts:
        say(Text("nothing is in doubt"))
        return []
    question = Plural(
        "Settle this one as {result}? Type yes: ",
        "Settle these {count} as {result}? Type yes: ",
        count=len(doubts),
        result=arguments.result,
    )
    print(shown(question), end="")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in {"yes", "ja", "oui"}:
        say(Text("nothing was settled"))
        return []
    return [one.text("id") for one in doubts]


def _settle(arguments: argparse.Namespace, settlements: Sequence[Settlement]) -> int:
    """Have them written; where the journal is in use and no gateway answers, another of these commands may be at it."""
    from fla_gateway.cli.remote.admin_connection import NoGatewayError  # noqa: PLC0415 - as above
    from fla_gateway.errors import ConfigurationError, GatewayError, SettlementRefusedError  # noqa: PLC0415 - as above

    directory = None if arguments.admin is not None else directory_of(arguments)
    failure: GatewayError = NoGatewayError("")
    for _ in range(_TRIES):
        try:
            if directory is not None and _write(directory, settlements):
                say(_local(settlements) if arguments.json else _done(settlements))
                return WELL
            return _ask(arguments, settlements)
        except SettlementRefusedError as error:
            for fault in error.faults:
                complain(fault.located)
            return FINDINGS
        except (NoGatewayError, ConfigurationError) as error:
            failure = error
        if directory is None:
            break
        time.sleep(_PAUSE_SECONDS)
    if isinstance(failure, NoGatewayError):
        complain(failure.text)
        return UNAVAILABLE
    raise failure


def _ask(arguments: argparse.Namespace, settlements: Sequence[Settlement]) -> int:
    """Have the gateway write them; raises NoGatewayError."""
    from fla_gateway.cli.remote.action_result import print_answer, warned_target  # noqa: PLC0415 - as above
    from fla_gateway.cli.remote.admin_connection import NotSentError  # noqa: PLC0415 - as above
    from fla_gateway.cli.remote.admin_request import ask  # noqa: PLC0415 - as above

    first = settlements[0]
    document = {
        "ids": [it.request_id for it in settlements],
        "as": first.result,
        **({"note": first.note} if first.note else {}),
        **({"by": first.by} if first.by else {}),
    }
    try:
        answer = ask(warned_target(arguments), "POST", "/-/audit/settle", document)
    except NotSentError as error:
        complain(error.text)
        return FINDINGS
    return print_answer(answer, _done(settlements), as_json=arguments.json)


def _done(settlements: Sequence[Settlement]) -> Text:
    return Text("settled as {result}: {number}", result=settlements[0].result, number=len(settlements))


def _write(directory: Path, settlements: Sequence[Settlement]) -> bool:
    """Write into a journal that no gateway writes; False for one that this user cannot have, or that is written."""
    from fla_gateway import __version__  # noqa: PLC0415 - as above
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above
    from fla_gateway.config.schema import Audit  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.segments.segment_files import is_written  # noqa: PLC0415 - as above
    from fla_gateway.journal.settle_beside import settle_beside  # noqa: PLC0415 - as above

    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK) or is_written(directory):
        return False
    segment_bytes = Audit(path=directory).segment_bytes
    settle_beside(directory, settlements, SystemClock(), __version__, segment_bytes)
    return True


def _local(settlements: Sequence[Settlement]) -> str:
    return json.dumps({"settled": [it.request_id for it in settlements], "as": settlements[0].result}, indent=2)
