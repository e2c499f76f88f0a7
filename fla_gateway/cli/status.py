"""`fla-gateway status`: the status page in a terminal.

Owns the arguments, the exit codes and the repetition. Refuses to judge: the gateway does, and answers what it judged;
`remote.status_text` writes it down.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.admin_client import add_admin
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.output.language import shown
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.cli.options.admin_client import AdminTarget

SUMMARY: Final = Text("show how a running gateway is, as its status page does")
DESCRIPTION: Final = Text(
    """\
Ask a running gateway how it is, and print what its status page shows: every profile with its token, its certificate
and what is to be done, calls in doubt, the journal. Run it as the gateway's user, or as root, or with the key of
[admin.key]. --config is read for the address of the admin listener alone.

Exit code 0: everything works; 1: something needs attention, or the gateway shows it to others only; 69: no gateway
answers at the admin listener.

examples:
  fla-gateway status
  fla-gateway status --watch
  fla-gateway status --json | jq .level
  fla-gateway status --config /etc/fla-gateway/gateway.toml --admin-key-file admin.key"""
)

_OK: Final = 200
_EACH_SECONDS: Final = 2.0
_CLEAR: Final = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    add_admin(parser)
    parser.add_argument("--json", action="store_true", help=Text("print what /status answers, as JSON"))
    parser.add_argument(
        "--watch",
        metavar="SECONDS",
        nargs="?",
        type=_seconds,
        const=_EACH_SECONDS,
        help=Text(
            "look again and again, every {seconds} seconds by default, until Ctrl-C", seconds=f"{_EACH_SECONDS:g}"
        ),
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask and print."""
    from fla_gateway.cli.remote.action_result import warned_target  # noqa: PLC0415 - `--help` need not know

    target = warned_target(arguments)
    code = _look(target, as_json=arguments.json)
    try:
        while arguments.watch is not None:
            time.sleep(arguments.watch)
            if sys.stdout.isatty():
                print(_CLEAR, end="")
            code = _look(target, as_json=arguments.json)
    except KeyboardInterrupt:
        # Of a look that is interrupted nothing is known: the one before counts.
        return code
    return code


def _look(target: AdminTarget, *, as_json: bool) -> int:
    """Ask once, print, and return the exit code."""
    from fla_gateway.cli.remote.action_result import ask_or_explain, report_refusal  # noqa: PLC0415 - as above
    from fla_gateway.cli.remote.status_text import lines  # noqa: PLC0415 - as above

    answer = ask_or_explain(target, "GET", "/status")
    if isinstance(answer, int):
        return answer
    if answer.status != _OK:
        return report_refusal(answer)
    if as_json:
        print(json.dumps(answer.document, indent=2), flush=True)
    else:
        print("\n".join(lines(answer.document, coloured=_is_coloured())), flush=True)
    return WELL if answer.document.get("level") == "good" else FINDINGS


def _is_coloured() -> bool:
    """Return whether standard output is a terminal, of a person who wants colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")  # noqa: TID251 - of the terminal, not of the gateway


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86_400:  # noqa: PLR2004 - a tenth of a second to a day
        raise argparse.ArgumentTypeError(shown(Text("must be a number of seconds, 0.1 to 86400")))
    return seconds
