"""`fla-gateway cert renew`: which step of a renewal comes next.

Owns what is asked to find out, and the exit code. Refuses to do the step.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.admin_client import add_admin
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.output.language import say
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from collections.abc import Mapping

SUMMARY: Final = Text("say which step comes next until a profile's certificate is replaced")
DESCRIPTION: Final = Text(
    """\
Say which step comes next until the certificate of a profile is replaced by the next one without
losing a call. Run it again after each step. It looks at the configuration and at the running gateway, and gets one
token with `next_key` (as `cert try` does) until the keys are exchanged; --offline leaves that out. Nothing is changed.

  make    a new pair: cert new            reload  have the gateway read the exchanged keys
  upload  it in ChaMan, beside the old    wait    a full day without a token by the old key
  switch  exchange the keys: cert switch  remove  the old one in ChaMan, then cert finish

Exit code 0: nothing has to be done; 1: something comes next; 2: the configuration is faulty.

examples:
  fla-gateway cert renew employer
  fla-gateway cert renew employer --json"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("profile", metavar="PROFILE", help=Text("name of the profile"))
    add_config(parser)
    add_admin(parser)
    parser.add_argument("--offline", action="store_true", help=Text("ask for no token"))
    parser.add_argument("--json", action="store_true", help=Text("print the step as JSON"))


def run(arguments: argparse.Namespace) -> int:
    """Find out and print."""
    from fla_gateway.cli.renewal.subject import situation_of, subject_of  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.keys.certificates.renewal import next_step  # noqa: PLC0415 - as above

    subject = subject_of(arguments)
    status = running_status(arguments) if subject.profile.next_key is not None else None
    step = next_step(situation_of(subject, status, ask=not arguments.offline), subject.now)
    if arguments.json:
        print(json.dumps({"step": step.name, "text": step.text, "command": step.command}, indent=2))
    else:
        say(f"{subject.profile.name}: {step.name}", "", step.text)
        if step.command:
            say("", f"  {step.command}")
    return WELL if step.name == "none" else FINDINGS


def running_status(arguments: argparse.Namespace) -> Mapping[str, Any] | None:
    """Return what the running gateway shows of itself; None, and print why, if it shows nothing."""
    from fla_gateway.cli.remote.action_result import (  # noqa: PLC0415 - as above
        ask_or_explain,
        report_refusal,
        warned_target,
    )

    answer = ask_or_explain(warned_target(arguments), "GET", "/status")
    if isinstance(answer, int):
        return None
    if answer.status != 200:  # noqa: PLR2004 - OK
        report_refusal(answer)
        return None
    return answer.document
