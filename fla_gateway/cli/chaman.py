"""`fla-gateway chaman`: the page for the person at ChaMan, printed again.

Owns the arguments and where the page goes. Refuses to know what is on it; `onboarding` does.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.cli.language_option import LANGUAGES
from fla_gateway.cli.options.config_option import add_config, find_config
from fla_gateway.cli.output.language import language
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

if TYPE_CHECKING:  # heavy; `--help` must not wait for them
    from fla_gateway.onboarding.folder import Folder
    from fla_gateway.onboarding.question import Answers

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
    from fla_gateway.onboarding.folder import usable_files  # noqa: PLC0415 - heavy

    with usable_files():
        return _print(arguments)


def _print(arguments: argparse.Namespace) -> int:
    from fla_gateway.cli.initialization.written_files import saying, upload_for, write  # noqa: PLC0415 - heavy
    from fla_gateway.onboarding.chaman_page import html, lines  # noqa: PLC0415 - as above
    from fla_gateway.onboarding.chaman_steps import page  # noqa: PLC0415 - as above
    from fla_gateway.onboarding.folder import Folder  # noqa: PLC0415 - as above

    folder = Folder(_directory(arguments))
    saved = folder.saved()
    kept = saved.get(arguments.profile)
    if kept is None or "page-language" not in kept:
        message = Message("chaman-page-unknown", "no page was made for this profile in {folder}", folder=folder.path)
        known = ", ".join(name for name, it in saved.items() if "page-language" in it)
        cure = Text("there are: {known}", known=known) if known else Text("`fla-gateway init` makes one")
        raise ConfigurationError((Fault(arguments.profile, message, cure),))
    answers = _judged(folder, arguments.profile, kept)
    upload = upload_for(folder, answers)
    chosen = arguments.lang or answers["page-language"] or language()
    shown_page, say = page(answers, upload, chosen), saying(chosen)
    if arguments.output is None:
        print("\n".join(lines(shown_page, say)))
    else:
        file = arguments.output.absolute()
        write(file.parent, {Path(file.name): html(shown_page, say, chosen).encode()}, [Path(file.name)])
    return WELL


def _judged(folder: Folder, profile: str, answers: Answers) -> Answers:
    """Judge the answers that were kept for a profile, in a file that a person may have changed.

    Raises:
        ConfigurationError: one is none or is missing, or the certificate that the page is about is not there.
    """
    from fla_gateway.cli.initialization.written_files import upload_for  # noqa: PLC0415 - as above
    from fla_gateway.onboarding.channel_questions import uploads  # noqa: PLC0415 - as above
    from fla_gateway.onboarding.flow import settle  # noqa: PLC0415 - as above
    from fla_gateway.onboarding.question import Context  # noqa: PLC0415 - as above

    settled = settle({**answers, "profile": profile}, Context(language=language()), take_defaults=True)
    none = Message("answer-empty", "must be answered")
    wrong = [*settled.faults, *((question.id, none) for question in settled.missing)]
    if wrong:
        file = str(folder.answers_file(profile))
        raise ConfigurationError(tuple(Fault(name, message, file=file) for name, message in wrong))
    if uploads(settled.answers) and upload_for(folder, settled.answers) is None:
        message = Message(
            "chaman-certificate-missing", "the certificate is not in {folder}", folder=folder.page_of(profile).parent
        )
        cure = Text("`fla-gateway init` puts it there again")
        raise ConfigurationError((Fault(profile, message, cure),))
    return settled.answers


def _directory(arguments: argparse.Namespace) -> Path:
    if arguments.directory is not None:
        return Path(arguments.directory).absolute()
    try:
        return find_config(arguments).absolute().parent
    except ConfigurationError:
        return Path().absolute()
