"""`fla-gateway reload`: have a running gateway read its configuration again.

Owns the arguments and the words. Refuses to know what a reload does; the gateway does it, and answers what came of it.
"""

from __future__ import annotations

import argparse
from typing import Final

from fla_gateway.cli.options.admin_client import add_admin, add_json
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.remote.action_result import act
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("have a running gateway read its configuration again")
DESCRIPTION: Final = Text(
    """\
Have a running gateway read again what it was started with, and serve it; no call is lost. If anything is wrong with it,
every fault is printed and the former configuration stays in force. --config is read for the address of the admin
listener alone, and may be faulty otherwise. Run it as the gateway's user, or as root.

Exit code 0: applied; 1: not permitted; 2: refused, nothing has changed; 69: no gateway answers at the admin listener.

examples:
  fla-gateway reload
  fla-gateway reload --dry-run
  fla-gateway reload --config /etc/fla-gateway/gateway.toml"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    add_admin(parser)
    parser.add_argument("--dry-run", action="store_true", help=Text("judge the configuration, and change nothing"))
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print."""
    if arguments.dry_run:
        return judge(arguments, as_json=arguments.json)
    return act(arguments, "/-/reload", Text("applied"), as_json=arguments.json)


def judge(arguments: argparse.Namespace, *, as_json: bool = False) -> int:
    """Have the configuration judged against what is in force, and print."""
    done = Text("can be applied; nothing was changed")
    return act(arguments, "/-/reload?dry_run=true", done, as_json=as_json)
