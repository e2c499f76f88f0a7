"""What the commands share that make keys: the end of a key, and the output for scripts.

Owns the options. Refuses to make a key.
"""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime

from fla_gateway.cli.output.language import shown
from fla_gateway.clock import SystemClock
from fla_gateway.i18n.message import Text


def add_new_key(parser: argparse.ArgumentParser) -> None:
    """Declare ``--expires YYYY-MM-DD`` and ``--quiet``."""
    parser.add_argument(
        "--expires",
        metavar="YYYY-MM-DD",
        type=_date,
        help=Text("last day (UTC) on which the key is accepted (default: it never expires)"),
    )
    parser.add_argument("--quiet", action="store_true", help=Text("print the key and its SHA-256 alone, a line each"))


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(shown(Text("must be a date, for example 2027-06-30"))) from None
    if day < datetime.fromtimestamp(SystemClock().wall(), UTC).date():
        raise argparse.ArgumentTypeError(shown(Text("is over: the key would never be accepted")))
    return day
