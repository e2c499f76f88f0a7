"""`fla-gateway admin new`: the key of the status page.

Owns what is shown of a new key, once. Refuses to write a file, as `caller new` does.
"""

from __future__ import annotations

import argparse
from typing import Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.cli.options.admin_client import KEY_VARIABLE
from fla_gateway.cli.options.new_key_options import add_new_key
from fla_gateway.cli.output.language import shown
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("make the key of the status page, and show it once")
DESCRIPTION: Final = Text(
    """\
Make the key that opens the status page, and print it with the table to put into the configuration. The configuration
holds its SHA-256 alone: the key cannot be shown again. Nothing is written to a file. It is another key than those of
callers.

With this key every user may open the page: a browser asks for it as the password, with any user name. Without it the
page is for the gateway's own user and root, on the gateway's machine.

examples:
  fla-gateway admin new
  fla-gateway admin new --expires 2027-06-30
  fla-gateway admin new --quiet | head -n 1 > admin.key"""
)

_SHOWN_ONCE: Final = Text(
    "This is the key of the status page. It is shown now and never again: keep it with your passwords."
)
_WHERE: Final = Text(
    "Put this into the configuration, in the place of an [admin.key] that is there, then `{reload}`:",
    reload="fla-gateway reload",
)
_USE: Final = Text(
    """\
A browser asks for it at the admin listener ({address} by default): it is the password, with any user name.
In a terminal, `{status}` takes it from --admin-key-file or from the variable {variable}.""",
    address="http://127.0.0.1:8481/",
    status="fla-gateway status",
    variable=KEY_VARIABLE,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_new_key(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the key and print it."""
    from fla_gateway.access.authentication.api_key import digest, new_key  # noqa: PLC0415 - `--help` need not know

    key = new_key()
    if arguments.quiet:
        print(key, digest(key), sep="\n")
        return WELL
    expires = f"expires = {arguments.expires}\n\n" if arguments.expires else "\n"
    print(key, "", shown(_SHOWN_ONCE), shown(_WHERE), "", sep="\n")
    print("[admin.key]", f'sha256 = "{digest(key)}"', expires + shown(_USE), sep="\n")
    return WELL
