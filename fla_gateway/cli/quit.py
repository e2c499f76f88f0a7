"""`fla-gateway quit`: have a running gateway end.

Owns the arguments and the words. Refuses to know how it ends; the gateway does it.
"""

from __future__ import annotations

import argparse
from typing import Final

from fla_gateway.cli.options.admin_client import add_admin, add_json
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.remote.action_result import act
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("end a running gateway, as SIGTERM does")
DESCRIPTION: Final = Text(
    """\
End a running gateway as SIGTERM does: what runs is finished first. For jobs whose main container has ended, where
nothing else can send the signal. It returns at once; the gateway ends when its last calls have.

Exit code 0: accepted; 1: not permitted; 69: no gateway answers at the admin listener.

examples:
  fla-gateway quit
  fla-gateway quit --admin unix:/run/fla-gateway/admin.sock"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    add_admin(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print."""
    return act(
        arguments, "/-/quit", Text("accepted: the gateway ends when what runs is finished"), as_json=arguments.json
    )
