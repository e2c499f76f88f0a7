"""`fla-gateway cert switch`: the next key becomes the key, and the other way round.

Owns the order: one token with the next key, the file, the reload. Refuses to do it unasked; no key ever changes by
itself.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, UNAVAILABLE
from fla_gateway.cli.options.admin_client import add_admin
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.output.language import say
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.cli.renewal.subject import Subject

SUMMARY: Final = Text("exchange key and next key of a profile, and reload")
DESCRIPTION: Final = Text(
    """\
Exchange `key` and `next_key` of a profile in the file of the configuration that has them, and have the running
gateway reload it; no call is lost. Comments, order, owner and mode of the file are kept. Once more, and it is as
before.

One token is got with the next key first, as by `cert try`: where none comes, nothing is changed. --untried leaves that
out, for example if the present certificate has ended and the token server cannot be reached from here.

Exit code 0: exchanged and reloaded; 1: no token came, or the file cannot be written: then the lines are printed;
2: the configuration is faulty, or the reload was refused; 69: exchanged, but no gateway answers.

examples:
  fla-gateway cert switch employer
  fla-gateway cert switch employer --config /etc/fla-gateway/gateway.toml"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("profile", metavar="PROFILE", help=Text("name of the profile"))
    add_config(parser)
    add_admin(parser)
    parser.add_argument("--untried", action="store_true", help=Text("exchange them without a token by the next key"))


def run(arguments: argparse.Namespace) -> int:
    """Try, exchange, reload and print."""
    from fla_gateway.cli.remote.action_result import act  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.cli.renewal.files import UnchangedError, exchange_keys  # noqa: PLC0415 - as above
    from fla_gateway.cli.renewal.subject import subject_of  # noqa: PLC0415 - as above

    subject = subject_of(arguments)
    after = subject.after_switch
    if not arguments.untried and not _tried(subject):
        return FINDINGS
    try:
        path = exchange_keys(subject.configured, subject.profile.name)
    except UnchangedError as error:
        _print_lines(subject, error.reason)
        return FINDINGS
    say(
        Text(
            "{path}: '{new}' is the key of {profile} now, '{old}' its next_key.",
            path=path,
            new=after.token_request.key,
            profile=subject.profile.name,
            old=after.next_key or "",
        )
    )
    code = act(arguments, "/-/reload", Text("applied"))
    if code == UNAVAILABLE:
        complain(Text("No gateway answers, so none was reloaded: it takes effect at the next start."))
    say(Text("Next: fla-gateway cert renew {profile}", profile=subject.profile.name))
    return code


def _tried(subject: Subject) -> bool:
    from fla_gateway.cli.cert.try_ import tried  # noqa: PLC0415 - as above

    return tried(subject)


def _print_lines(subject: Subject, reason: Text) -> None:
    """Print what a person has to write, since this program cannot."""
    from fla_gateway.cli.renewal.files import lines_after_switch  # noqa: PLC0415 - as above

    name = subject.profile.name
    complain(Text("Nothing was changed: {reason}.", reason=reason))
    found = lines_after_switch(subject.configured, name)
    if found is None:
        say(
            Text(
                "Exchange `key` and `next_key` of [profiles.{profile}] yourself; then: fla-gateway reload", profile=name
            )
        )
        return
    path, lines = found
    say(Text("Write this into [profiles.{profile}] of {path}; then: fla-gateway reload", profile=name, path=path))
    say(lines)
