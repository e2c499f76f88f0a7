"""`fla-gateway cert try`: one token with the next key.

Owns what is said of the attempt. Refuses to show the token, and to change anything.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.output.language import say, shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.cli.renewal.subject import Subject

SUMMARY: Final = Text("get one token with a profile's next key, to see whether it is registered")
DESCRIPTION: Final = Text(
    """\
Get one token with the `next_key` of a profile from its real token server. This proves that the new
certificate was uploaded in ChaMan, in the right account. The token is not shown, no API is called, and nothing
is changed.

Exit code 0: a token came; 1: the token server could not be reached or refused; 2: the configuration is faulty.

example:
  fla-gateway cert try employer"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("profile", metavar="PROFILE", help=Text("name of the profile"))
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Try and print."""
    from fla_gateway.cli.renewal.subject import subject_of  # noqa: PLC0415 - `--help` need not know

    subject = subject_of(arguments)
    if not tried(subject):
        return FINDINGS
    say(Text("Next: fla-gateway cert switch {profile}", profile=subject.profile.name))
    return WELL


def tried(subject: Subject) -> bool:
    """Get one token with the next key, print what came of it, and return whether it came."""
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    key = subject.after_switch.token_request.key
    try:
        fetched = subject.try_next_key()
    except ProblemError as error:
        complain(f"{error.code}: {printable(shown(error.detail))}")
        complain(
            Text(
                "No token came with '{key}'. If the token server refused it, its certificate is not in ChaMan yet, or "
                "in another account: `fla-gateway cert renew {profile}` says what to upload. Nothing was changed.",
                key=key,
                profile=subject.profile.name,
            )
        )
        return False
    say(
        Text(
            "A token came with '{key}', for {seconds} s: its certificate is registered.",
            key=key,
            seconds=int(fetched.token.lifetime),
        )
    )
    return True
