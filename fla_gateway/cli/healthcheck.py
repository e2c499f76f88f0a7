"""`fla-gateway healthcheck`: does a running gateway serve?

Owns the arguments, the words and the exit codes, for HEALTHCHECK of an image and other monitors that run a program.
Refuses to know what readiness is; the gateway's /readyz says it.
"""

from __future__ import annotations

import argparse
from http import HTTPStatus
from typing import Final

from fla_gateway.cli.exit_codes import FINDINGS, UNAVAILABLE, WELL
from fla_gateway.cli.options.admin_client import add_address, address_of
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.output.language import shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("ask a running gateway whether it serves, for monitors")
DESCRIPTION: Final = Text(
    """\
Ask /readyz of a running gateway, and print its reason. No key is needed or sent. HEALTHCHECK of the image runs it.

Exit code 0: it serves; 1: it answers, and does not serve (starting, loading, no-profile, draining, stopping);
69: no gateway answers at the admin listener.

examples:
  fla-gateway healthcheck
  fla-gateway healthcheck --admin http://127.0.0.1:8481 --timeout 2"""
)
_SECONDS: Final = 5.0
_LONGEST_SECONDS: Final = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    add_address(parser)
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=_SECONDS, help=Text("how long to wait (default: 5)")
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask and print."""
    from fla_gateway.cli.remote.admin_connection import NoGatewayError, NotSentError  # noqa: PLC0415 - for `--help`
    from fla_gateway.cli.remote.admin_request import probe  # noqa: PLC0415 - for `--help`
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    try:
        answer = probe(address_of(arguments), "/readyz", arguments.timeout)
    except (NoGatewayError, NotSentError) as error:
        complain(error.text)
        return UNAVAILABLE
    reason = answer.document.get("reason")
    if answer.status not in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE} or not isinstance(reason, str):
        complain(Text("what answers there is no fla-gateway (status {status})", status=answer.status))
        return UNAVAILABLE
    print(printable(reason))
    return WELL if answer.status == HTTPStatus.OK else FINDINGS


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(shown(Text("must be a number of seconds above 0, and at most 3600")))
    return seconds
