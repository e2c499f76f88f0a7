"""`fla-gateway caller new`: an API key for a caller.

Owns what is shown of a new key, once, with the names of the profiles that there are. Refuses to write a file: the
configuration is a person's, and the key is the caller's.
"""

from __future__ import annotations

import argparse
import re
from typing import Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.cli.options.config_option import add_config, find_config, report_config
from fla_gateway.cli.options.new_key_options import add_new_key
from fla_gateway.cli.output.language import shown
from fla_gateway.config.values.constraints import NAME_PATTERN
from fla_gateway.errors import ConfigurationError
from fla_gateway.i18n.message import NOTHING, Text

SUMMARY: Final = Text("make an API key for a caller, and show it once")
DESCRIPTION: Final = Text(
    """\
Make an API key for a caller and print it, with the table to put into the configuration. The configuration holds the
key's SHA-256 alone: the key cannot be shown again. Nothing is written to a file. The table names the profiles of the
configuration, where one is found; it may be faulty, or still have placeholders.

The caller sends the key as `Authorization: Bearer KEY`, as the password of Basic (any user name), or as `X-Api-Key`.

examples:
  fla-gateway caller new payroll
  fla-gateway caller new payroll --expires 2027-06-30
  fla-gateway caller new payroll --quiet | head -n 1 > payroll.key"""
)

_EXAMPLE: Final = "employer"
"""The profile of the README's examples."""
_MOST_NAMED: Final = 6
_NAME: Final = re.compile(NAME_PATTERN)
_TABLE: Final = """\
{key}

{once}

[callers.{name}]
keys = [{entry}]

[callers.{name}.allow]
# {form}
{profile} = ["POST /REST/dimona/v2/declarations", "GET /REST/dimona/v2/declarations/*"]

{observe}

{rotate}"""

_FORM: Final = Text('PROFILE = ["METHOD /path", ...]: `*` is one segment, `**` one or more, and GET covers HEAD')
_ROTATE: Final = Text("""\
To change a key without an interruption, add the new one's entry to `keys` beside the old one, and take the old one
out when the caller uses the new one.""")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "name", metavar="NAME", type=_name, help=Text("name of the caller: a-z, then a-z, 0-9 and hyphens")
    )
    add_new_key(parser)
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the key and print it."""
    from fla_gateway.access.authentication.api_key import digest, new_key  # noqa: PLC0415 - `--help` need not know how one is made

    key = new_key()
    if arguments.quiet:
        print(key, digest(key), sep="\n")
        return WELL
    expires = f", expires = {arguments.expires}" if arguments.expires else ""
    entry = f'{{ sha256 = "{digest(key)}"{expires} }}'
    name, profiles = arguments.name, _profiles(arguments)
    profile = (*profiles, _EXAMPLE)[0]
    texts = {
        "once": _once(name, profiles), "form": _FORM, "observe": _observe(name, profile), "rotate": _ROTATE,
    }  # fmt: skip
    spoken = {place: shown(text) for place, text in texts.items()}
    print(_TABLE.format(key=key, name=name, entry=entry, profile=profile, **spoken))
    return WELL


def _profiles(arguments: argparse.Namespace) -> list[str]:
    """Read the names of the profiles; of a configuration that was not named, only if there is one."""
    from fla_gateway.config.document.file_snapshot import FileSnapshot  # noqa: PLC0415 - as above
    from fla_gateway.config.document.unjudged import read_unjudged  # noqa: PLC0415 - as above

    try:
        path = find_config(arguments).absolute()
        documents, _ = read_unjudged(path, FileSnapshot())
    except ConfigurationError:
        if arguments.config is not None:
            raise
        return []
    report_config(path)
    tables = [document.get("profiles") for _, document in documents]
    return [name for table in tables if isinstance(table, dict) for name in table if _NAME.fullmatch(name)]


def _once(name: str, profiles: list[str]) -> Text:
    return Text(
        """\
This is the key of the caller '{name}'. It is shown now and never again: hand it to the caller, and keep no copy here.
Put this into the configuration, with the requests that the caller needs and nothing more{where}:""",
        name=name,
        where=_where(profiles),
    )


def _where(profiles: list[str]) -> Text:
    """Say for which profile the list is."""
    if not profiles:
        return Text(", for the profile\nthat you have in the place of '{example}'", example=_EXAMPLE)
    if len(profiles) == 1:
        return NOTHING
    further = len(profiles) - _MOST_NAMED
    return Text(
        ", in each\nprofile that it may use (here {first}; there are {others}{more})",
        first=profiles[0],
        others=", ".join(profiles[1:_MOST_NAMED]),
        more=Text(" and {number} more", number=further) if further > 0 else NOTHING,
    )


def _observe(name: str, profile: str) -> Text:
    return Text(
        """\
What it needs is not known yet? With `observe_until = YYYY-MM-DD` in [callers.{name}], at most 31 days ahead, and
{profile} = "observe" instead of the list, `fla-gateway policy suggest` proposes one from what it then asks for.""",
        name=name,
        profile=profile,
    )


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(shown(Text("must be a-z, then a-z, 0-9 and hyphens, 32 characters at most")))
    return text
