"""`fla-gateway policy suggest`: an allow list from what was seen.

Owns what is printed around the proposals. Refuses to change a configuration: what a caller did is no proof of what it
should do, and a person decides.
"""

from __future__ import annotations

import argparse
from typing import Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import (
    add_caller_and_profile,
    add_journal,
    add_since,
    directory_of,
    history_of,
    report_shortfall,
    selection_of,
)
from fla_gateway.cli.output.language import say, shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("propose allow lists from what the journal has seen")
DESCRIPTION: Final = Text(
    """\
Propose for each caller and profile the smallest list of `allow` entries that covers what the journal has seen: every
exchange that the API answered with other than 401, 403, 404 or 405, and those that `observe_until` let through.
Identifiers in paths become `*`. Nothing is written to the configuration: review each entry, then paste it.

examples:
  fla-gateway policy suggest
  fla-gateway policy suggest --caller payroll --since 30d
  fla-gateway policy suggest --name payroll --wide 5   # before there are callers"""
)

_REVIEW: Final = Text("""\
# Proposed from what was seen, not from what ought to be: a person must review each entry before it is put into the
# configuration, and leave out what the caller does not need. What it has not done yet is not covered.""")
_NOTHING: Final = Text("""\
# Nothing was seen that an entry could be proposed for: what the gateway refused, and what the API answered with 401,
# 403, 404 or 405, does not count.""")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_journal(parser)
    add_since(parser)
    add_caller_and_profile(parser)
    parser.add_argument(
        "--name",
        metavar="NAME",
        type=_name,
        default="local",
        help=Text("name for the caller of exchanges without one (default: %(default)s)"),
    )
    parser.add_argument(
        "--wide",
        metavar="N",
        type=_count,
        help=Text("join more than N entries with one prefix to PREFIX/** (default: never)"),
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the proposals as TOML."""
    from fla_gateway.journal.reader.allow_list_suggestions import Suggestions, toml  # noqa: PLC0415 - `--help` need not know

    selection = selection_of(arguments)
    history = history_of(directory_of(arguments), selection.since)
    suggestions = Suggestions(arguments.name)
    for exchange in filter(selection.picks, history):
        suggestions.take(exchange)
    proposals = suggestions.proposals(arguments.wide)
    say(_REVIEW if proposals else _NOTHING, *toml(proposals))
    if suggestions.left_out:
        complain(
            Text("exchanges left out, since no entry can be written for them: {number}", number=suggestions.left_out)
        )
    report_shortfall(history, selection)
    return FINDINGS if history.damaged else WELL


def _name(text: str) -> str:
    from fla_gateway.journal.reader.allow_list_suggestions import NAME  # noqa: PLC0415 - `--help` need not know

    if NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(shown(Text("must be a-z, then a-z, 0-9 and hyphens, 32 characters at most")))
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(shown(Text("must be a whole number above 0")))
    return int(text)
