"""`fla-gateway cert finish`: the end of a renewal.

Owns the conditions, and the order: the configuration, the reload, the files. Refuses to delete anything.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.cert.renew import running_status
from fla_gateway.cli.exit_codes import FINDINGS, UNAVAILABLE, WELL
from fla_gateway.cli.options.admin_client import add_admin
from fla_gateway.cli.options.config_option import add_config
from fla_gateway.cli.output.language import say
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.cli.renewal.subject import Subject

SUMMARY: Final = Text("take the old key out of the configuration, and put its files away")
DESCRIPTION: Final = Text(
    """\
End a renewal, after the old certificate was removed in ChaMan: take `next_key` (the old key by now)
and its table out of the configuration, have the running gateway reload it, and move the old files into `archive/`
beside them. Nothing is deleted, and files that something else uses stay where they are.

It is refused until the gateway has got no token with the old key for a full day; --now does not wait for that.

Exit code 0: done; 1: too early, or the file cannot be written; 2: the configuration is faulty, or the reload was
refused.

example:
  fla-gateway cert finish employer"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("profile", metavar="PROFILE", help=Text("name of the profile"))
    add_config(parser)
    add_admin(parser)
    parser.add_argument(
        "--now", action="store_true", help=Text("do not wait for a full day without a token by the old key")
    )


def run(arguments: argparse.Namespace) -> int:
    """Judge, change, reload, move and print."""
    from fla_gateway.cli.remote.action_result import act  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.cli.renewal.files import UnchangedError, take_out_next_key  # noqa: PLC0415 - as above
    from fla_gateway.cli.renewal.subject import subject_of  # noqa: PLC0415 - as above

    subject = subject_of(arguments)
    if not _may_end(arguments, subject):
        return FINDINGS
    old = subject.profile.next_key or ""
    shared = any(
        old in (it.token_request.key, it.next_key)
        for it in subject.configured.profiles
        if it.name != subject.profile.name
    )
    try:
        paths = take_out_next_key(subject.configured, subject.profile.name, None if shared else old)
    except UnchangedError as error:
        complain(
            Text(
                "Nothing was changed: {reason}. Take next_key out of [profiles.{profile}] yourself, and [keys.{key}].",
                reason=error.reason,
                profile=subject.profile.name,
                key=old,
            )
        )
        return FINDINGS
    for path in paths:
        say(Text("{path}: '{key}' is taken out", path=path, key=old))
    code = act(arguments, "/-/reload", Text("applied"))
    if code not in {WELL, UNAVAILABLE}:
        return code
    if not shared:
        _archive(subject, old)
    return WELL


def _may_end(arguments: argparse.Namespace, subject: Subject) -> bool:
    """Say why it is too early, and return whether it is not."""
    from fla_gateway.cli.renewal.subject import situation_of  # noqa: PLC0415 - as above
    from fla_gateway.keys.certificates.renewal import next_step  # noqa: PLC0415 - as above

    _ = subject.after_switch  # there is a next key
    situation = situation_of(subject, None if arguments.now else running_status(arguments), ask=False)
    if situation.switched and arguments.now:
        return True
    step = next_step(situation, subject.now)
    if step.name != "remove":
        complain(Text("Too early ({step}): {text}", step=step.name, text=step.text))
    return step.name == "remove"


def _archive(subject: Subject, key: str) -> None:
    from fla_gateway.cli.renewal.files import archive  # noqa: PLC0415 - as above

    for path, place, reason in archive(subject.configured, key):
        if place is None:
            complain(Text("{path} stays: {reason}", path=path, reason=reason))
        else:
            say(Text("{path} is in {folder} now", path=path, folder=place.parent))
