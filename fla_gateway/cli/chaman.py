"""`fla-gateway chaman`: the page for the person at ChaMan, printed again.

Owns the arguments and where the page goes. Refuses to know what is on it; `onboarding` does.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.cli.language_option import LANGUAGES
from fla_gateway.cli.options.config_option import add_config, find_config
from fla_gateway.cli.output.language import language
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

SUMMARY: Final = Text("print the page for the person who has access to ChaMan")
DESCRIPTION: Final = Text(
    """\
Print the steps in ChaMan for one profile, as `fla-gateway init` wrote them to for-chaman/: exactly this case, each word
of the screens in Dutch as it is there, what to type, and a line for the client id that is to be sent back. As text;
with --output as one HTML file to print, without a script. It holds nothing secret.

examples:
  fla-gateway chaman employer
  fla-gateway chaman employer --lang fr --output chaman.html
  fla-gateway chaman employer --directory own"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("profile", metavar="PROFILE", help=Text("name of the profile"))
    parser.add_argument(
        "--lang", choices=LANGUAGES, help=Text("language of the page (default: the one that was chosen)")
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help=Text("write it as HTML to a file that does not exist yet")
    )
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        help=Text("where `fla-gateway init` worked (default: the folder of the configuration)"),
    )
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    from fla_gateway.cli.initialization.written_files import saying, upload_for, write  # noqa: PLC0415 - heavy
    from fla_gateway.onboarding.chaman_page import html, lines  # noqa: PLC0415 - as above
    from fla_gateway.onboarding.chaman_steps import page  # noqa: PLC0415 - as above
    from fla_gateway.onboarding.folder import Folder  # noqa: PLC0415 - as above

    folder = Folder(_directory(arguments))
    saved = folder.saved()
    answers = saved.get(arguments.profile)
    if answers is None or "page-language" not in answers:
        message = Message("chaman-page-unknown", "no page was made for this profile in {folder}", folder=folder.path)
        known = ", ".join(name for name, it in saved.items() if "page-language" in it)
        cure = Text("there are: {known}", known=known) if known else Text("`fla-gateway init` makes one")
        raise ConfigurationError((Fault(arguments.profile, message, cure),))
    chosen = arguments.lang or answers["page-language"] or language()
    shown_page, say = page(answers, upload_for(folder, answers), chosen), saying(chosen)
    if arguments.output is None:
        print("\n".join(lines(shown_page, say)))
    else:
        file = arguments.output.absolute()
        write(file.parent, {Path(file.name): html(shown_page, say, chosen).encode()}, [Path(file.name)])
    return WELL


def _directory(arguments: argparse.Namespace) -> Path:
    if arguments.directory is not None:
        return Path(arguments.directory).absolute()
    try:
        return find_config(arguments).absolute().parent
    except ConfigurationError:
        return Path().absolute()
