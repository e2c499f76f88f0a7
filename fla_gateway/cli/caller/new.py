"""`fla-gateway caller new`: an API key for a caller.

Owns what is shown of a new key, once. Refuses to write a file: the configuration is a person's, and the key is the
caller's.
"""

from __future__ import annotations

import argparse
import re
from typing import Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.cli.options.new_key_options import add_new_key
from fla_gateway.config.values.constraints import NAME_PATTERN

SUMMARY: Final = "make an API key for a caller, and show it once"
DESCRIPTION: Final = """\
Make an API key for a caller and print it, with the table to put into the configuration. The configuration holds the
key's SHA-256 alone: the key cannot be shown again. Nothing is written to a file.

The caller sends the key as `Authorization: Bearer KEY`, as the password of Basic (any user name), or as `X-Api-Key`.

examples:
  fla-gateway caller new payroll
  fla-gateway caller new payroll --expires 2027-06-30
  fla-gateway caller new payroll --quiet | head -n 1 > payroll.key"""

_NAME: Final = re.compile(NAME_PATTERN)
_TABLE: Final = """\
{key}

This is the key of the caller '{name}'. It is shown now and never again: hand it to the caller, and keep no copy here.
Put this into the configuration, with the requests that the caller needs and nothing more:

[callers.{name}]
keys = [{entry}]

[callers.{name}.allow]
# PROFILE = ["METHOD /path", ...]: `*` is one segment, `**` one or more, and GET covers HEAD
employer = ["GET /REST/dimona/v2/**", "POST /REST/dimona/v2/declarations"]

What it needs is not known yet? With `observe_until = YYYY-MM-DD` in [callers.{name}], at most 31 days ahead, and
employer = "observe" instead of the list, `fla-gateway policy suggest` proposes one from what it then asks for.

To change a key without an interruption, add the new one's entry to `keys` beside the old one, and take the old one
out when the caller uses the new one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", type=_name, help="name of the caller: a-z, then a-z, 0-9 and hyphens")
    add_new_key(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the key and print it."""
    from fla_gateway.access.authentication.api_key import digest, new_key  # noqa: PLC0415 - `--help` need not know how one is made

    key = new_key()
    if arguments.quiet:
        print(key, digest(key), sep="\n")
        return WELL
    expires = f", expires = {arguments.expires}" if arguments.expires else ""
    entry = f'{{ sha256 = "{digest(key)}"{expires} }}'
    print(_TABLE.format(key=key, name=arguments.name, entry=entry))
    return WELL


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("must be a-z, then a-z, 0-9 and hyphens, 32 characters at most")
    return text
