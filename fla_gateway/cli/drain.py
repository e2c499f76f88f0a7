"""`fla-gateway drain`: have a running gateway be unready, and serve on.

Owns the arguments and the words. Refuses to know what draining is; the gateway does it.
"""

from __future__ import annotations

import argparse
from typing import Final

from fla_gateway.cli.options.admin_client import add_admin, add_json
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.remote.action_result import act
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("take a running gateway out of service, and let it serve on")
DESCRIPTION: Final = Text(
    """\
Make a running gateway unready: /readyz is 503 with the reason draining, so that no new calls are sent to it, and those
that come all the same are served. It does not end by that; `fla-gateway quit` or SIGTERM ends it.

Exit code 0: accepted; 1: not permitted; 69: no gateway answers at the admin listener.

examples:
  fla-gateway drain
  fla-gateway drain --config /etc/fla-gateway/gateway.toml"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    add_admin(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print."""
    return act(
        arguments,
        "/-/drain",
        Text("accepted: /readyz is 503 from now on, and calls are served"),
        as_json=arguments.json,
    )
