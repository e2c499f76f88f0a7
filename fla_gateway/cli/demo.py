"""`fla-gateway demo`: the main job, shown.

Owns the arguments and the exit code. Refuses to know the scenario; `cli.demonstration` has it.
"""

from __future__ import annotations

import argparse
from typing import Final

from fla_gateway.cli.exit_codes import INTERRUPTED, WELL, WRONG_USE
from fla_gateway.cli.sandbox import extra_is_missing
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("see the main job work, without an account or a configuration")
DESCRIPTION: Final = Text(
    """\
Start a gateway and a stand-in for the government side on this machine, make three real calls, let a token expire and
the token server fail, and show what a caller sees of it. Every call is shown as a curl line that works while the demo
stays up. Keys are made on the spot and removed at the end; no account is needed, and nothing reaches the social
security. It needs a temporary directory (TMPDIR, /tmp) that can be written to.

examples:
  fla-gateway demo              stays up until Ctrl-C, to try it yourself
  fla-gateway demo --once       ends after the last step; exit code 0 only if everything behaved"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--once", action="store_true", help=Text("end after the last step, with exit code 0 if all went well")
    )


def run(arguments: argparse.Namespace) -> int:
    """Show it."""
    if extra_is_missing():
        return WRONG_USE
    from fla_gateway.cli.demonstration.runner import run_demo  # noqa: PLC0415 - `--help` must not wait for it
    from fla_gateway.cli.signals import run_until_stopped  # noqa: PLC0415 - as above

    # Ctrl-C is how a demo that stays up ends well; one that was to end by itself has then not shown everything.
    return run_until_stopped(run_demo(once=arguments.once), when_stopped=INTERRUPTED if arguments.once else WELL)
