"""`fla-gateway init`: from an empty folder to a working call.

Owns the arguments: a flag for each question. Refuses to know the questions (`onboarding`) and the order of things
(`cli.initialization`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from fla_gateway.cli.exit_codes import WRONG_USE
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("lead from an empty folder to a working call, with the page for the person at ChaMan")
DESCRIPTION: Final = Text(
    """\
Ask what is needed for one account of the channel, on a terminal, or take it from flags and from a file of answers;
what is given is not asked. Then make the key, write a page to print for the person who has access to ChaMan, and stop
until the client id has come; then write the configuration with callers, their keys and a journal, check it, and print
the one curl line that works. Nothing is sent to the social security without asking.

It can be left at any point (Ctrl-C) and goes on when it is started again in the same folder: the answers are kept in
onboarding/NAME.toml, without a secret. Where a configuration is there already, nothing in it is changed: the profile
gets a file of its own in profiles.d/.

With --sandbox everything is made for the substitute for the government side, without an account: both are started for
one call, ended, and the two lines that start them again are printed.

Exit code 0: the configuration is there and is well; 1: not finished (the client id is missing, or `check` has
findings), or nothing can be configured; 2: wrong use, or something is missing and there is no terminal to ask for it.

examples:
  fla-gateway init --sandbox --directory first
  fla-gateway init --directory own
  fla-gateway init --directory own --profile employer --client-id self_service_chaman_...
  fla-gateway init --yes --answers answers.toml --directory own"""
)

_YES_NO: Final = ("yes", "no", "unknown")
FLAGS: Final[tuple[tuple[str, tuple[str, ...] | str, Text], ...]] = (
    (
        "quality",
        ("employer", "secretariat", "provider", "training-provider"),
        Text("in which quality the company uses the channel"),
    ),
    ("profile", "NAME", Text("name of the profile, which is a part of the address that programs call")),
    ("company", "TEXT", Text("name of the company, as the certificate is to have it")),
    ("enterprise-number", "N", Text("enterprise number (KBO, BCE) in any spelling; its check digits are verified")),
    ("services", "NAMES", Text("names of services (fla-gateway catalog) or paths below /REST/, with commas")),
    (
        "environment",
        ("simulation", "acceptance", "production"),
        Text("one that all of the services have; simulation uses PRODUCTION tokens"),
    ),
    ("acceptance-access", _YES_NO, Text("whether the company has been admitted to acceptance")),
    ("known-employer", _YES_NO, Text("whether the company is known as an employer at the NSSO")),
    ("registered", _YES_NO, Text("whether the company is registered on the portal")),
    ("chaman-access", _YES_NO, Text("whether the person who does the steps can open ChaMan")),
    ("sender", _YES_NO, Text("whether the company has a sender (verzender) already")),
    ("quality-present", _YES_NO, Text("whether ChaMan offers the quality")),
    ("mandates", _YES_NO, Text("whether the clients have given a mandate")),
    ("account", ("new", "existing"), Text("a new account in ChaMan, or one that exists")),
    ("has-key", _YES_NO, Text("whether the private key of the account that exists can be had")),
    (
        "without-key",
        ("own-account", "second-certificate"),
        Text("without that key: an account of its own, or a second certificate in the account that exists"),
    ),
    ("key", ("make", "take"), Text("make a private key with its certificate, or take those that are there")),
    ("key-file", "FILE", Text("file with the private key, where one is there")),
    ("key-password-file", "FILE", Text("file with the password of that key")),
    ("certificate-file", "FILE", Text("file with the certificate of that key, if it is a PEM file without one")),
    ("runs-on", ("here", "systemd", "compose", "kubernetes", "windows"), Text("where the gateway will run")),
    ("callers", "NAMES", Text("names of the programs that will call, with commas")),
    ("alert-mail", "ADDRESS", Text("mail address of a person who hears of trouble")),
    ("alert-mailbox", "ADDRESS", Text("a mail address that is not one person's")),
    ("mail-server", "HOST", Text("mail server for them: host, or host:port")),
    ("page-language", ("nl", "fr", "en"), Text("language of the page for the person at ChaMan")),
    ("client-id", "ID", Text("client id of the account, as ChaMan shows it")),
)
"""A flag for each question: its name, its values or the word that takes their place, and what it is."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        default=Path(),
        help=Text("where the files go, and where it goes on (default: the working directory)"),
    )
    parser.add_argument("--sandbox", action="store_true", help=Text("try everything without an account, and end again"))
    parser.add_argument("--yes", action="store_true", help=Text("take the default of every question that has one"))
    parser.add_argument(
        "--answers", metavar="FILE", type=Path, help=Text("a TOML file with answers: the flags below, without --")
    )
    parser.add_argument(
        "--doctor", action="store_true", help=Text("at the end ask for one token, without asking whether to")
    )
    for name, values, text in FLAGS:
        if isinstance(values, str):
            parser.add_argument(f"--{name}", metavar=values, help=text)
        else:
            parser.add_argument(f"--{name}", choices=values, help=text)


def run(arguments: argparse.Namespace) -> int:
    """Ask, write, check."""
    from fla_gateway.onboarding.folder import usable_files  # noqa: PLC0415 - `--help` must not wait for it

    if arguments.sandbox:
        from fla_gateway.cli.sandbox import extra_is_missing  # noqa: PLC0415 - not there without the extra

        if extra_is_missing():
            return WRONG_USE
        from fla_gateway.cli.initialization.sandbox_trial import try_out  # noqa: PLC0415 - as below

        with usable_files():
            return try_out(arguments)
    from fla_gateway.cli.initialization.session import lead  # noqa: PLC0415 - as above

    with usable_files():
        return lead(arguments)
