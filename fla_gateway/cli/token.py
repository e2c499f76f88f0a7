"""`fla-gateway token`: get one token from the real token server.

Owns what is shown of it. Refuses to print the token unless asked to, and then prints nothing else on standard output.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.config_option import add_config, config_of
from fla_gateway.cli.output.language import shown, two_columns
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # aiohttp is heavy; `--help` must not wait for it
    from fla_gateway.profiles import Profile
    from fla_gateway.runtime.composition.token_client import Fetched

SUMMARY: Final = Text("get one token from the token server and show what came")
DESCRIPTION: Final = Text(
    """\
Get one token for a profile from its real token server, and show lifetime, scope and clock offset. This proves that
client id, key and ChaMan rights belong together; no API is called.

Exit code 0: a token came; 1: the token server could not be reached or refused; 2: the configuration is faulty.

examples:
  fla-gateway token employer
  curl -H "Authorization: Bearer $(fla-gateway token employer --reveal)" https://services.socialsecurity.be/REST/..."""
)

_WIDTH: Final = 14


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("profile", metavar="PROFILE", help=Text("name of the profile"))
    add_config(parser)
    parser.add_argument("--reveal", action="store_true", help=Text("print the token, alone, on standard output"))


def run(arguments: argparse.Namespace) -> int:
    """Get a token and print."""
    from fla_gateway.observe.logs import event_log  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.runtime.composition.resolved_config import read  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.token_client import fetch_once  # noqa: PLC0415 - as above

    configured = read(config_of(arguments))
    # Otherwise events would go to standard output, which may be the token's.
    event_log.configure(configured.settings.configuration.log)
    profile = _find(configured.profiles, arguments.profile)
    try:
        fetched = fetch_once(configured, profile)
    except ProblemError as error:
        print(f"{error.code}: {printable(shown(error.detail))}", file=sys.stderr)
        return FINDINGS
    # With --reveal, standard output belongs to the token: $(fla-gateway token NAME --reveal) must give it and no more.
    facts = sys.stderr if arguments.reveal else sys.stdout
    for line in two_columns(_facts(profile, fetched), _WIDTH):
        print(line, file=facts)
    if arguments.reveal:
        warning = Text("warning: a program that has this token acts as this client until it expires")
        print(shown(warning), file=sys.stderr)
        print(fetched.token.value.reveal())
    return WELL


def _find(profiles: tuple[Profile, ...], name: str) -> Profile:
    for profile in profiles:
        if profile.name == name:
            return profile
    from fla_gateway.cli.mistyped import unknown_profile  # noqa: PLC0415 - rarely needed

    raise unknown_profile(name, (profile.name for profile in profiles))


def _facts(profile: Profile, fetched: Fetched) -> Iterator[tuple[str, str]]:
    yield Text("profile"), profile.name
    yield Text("environment"), profile.environment_shown
    yield Text("token server"), profile.token_request.token_url
    yield Text("client id"), profile.token_request.client_id
    yield Text("lifetime"), f"{fetched.token.lifetime:g} s"
    yield Text("scope"), fetched.token.scope or Text("not said by the token server")
    yield Text("clock offset"), _offset(fetched.offset)
    yield Text("answered in"), f"{fetched.seconds:.2f} s"


def _offset(seconds: float) -> Text:
    number = f"{abs(seconds):.0f}"
    if abs(seconds) < 1:
        return Text("none worth mentioning")
    if seconds > 0:
        return Text("the token server is {seconds} s ahead of this machine", seconds=number)
    return Text("the token server is {seconds} s behind this machine", seconds=number)
