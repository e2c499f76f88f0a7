"""`fla-gateway cert new`: a key with the certificate to upload in ChaMan.

Owns the arguments, the questions on a terminal, and what is printed of the new files. Refuses to make and to write
them; `keys` does.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.cli.output.language import say, shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.config.values.constraints import NAME_PATTERN
from fla_gateway.errors import ConfigurationError, Fault, InvalidValueError, reason_of
from fla_gateway.i18n.message import Message, Text

if TYPE_CHECKING:  # cryptography is heavy; `--help` must not wait for it
    from collections.abc import Callable, Iterator

    from fla_gateway.keys.certificates.issue import Pair

SUMMARY: Final = Text("make a key with the certificate to upload in ChaMan")
DESCRIPTION: Final = Text(
    """\
Make a private key and a self-signed certificate that keep every rule of the manual (4.4.1), and say what to do with
them. On a terminal it asks for what is missing. Nothing is ever overwritten: all of the files are made, or none.

  NAME.pfx  key and certificate (PKCS#12)        NAME.cer  the certificate (DER), to be uploaded
  NAME.pem  the same, with an encrypted key      NAME.crt  the same in PEM
  NAME.pass the generated password of both       for-chaman/ a copy of the .cer, and nothing secret

The company's name is common name and organization; the manual asks for a certificate in the name of the enterprise and
no more. That the enterprise number is in the subject as well is a choice of this program. With p384 or p521: they are
allowed for upload; that the token server takes their signatures (ES384, ES512) was never seen.

examples:
  fla-gateway cert new acme --company "Acme NV" --enterprise-number 0123.456.749
  fla-gateway cert new acme-2028 --company "Acme NV" --enterprise-number BE0123456749 --directory /etc/fla-gateway"""
)

_TYPES: Final = ("rsa3072", "rsa2048", "rsa4096", "p384", "p521")
_LONGEST_COMPANY: Final = 64
"""RFC 5280, appendix A.1: ub-common-name and ub-organization-name; the library counts the bytes of UTF-8."""
_LONGEST_DAYS: Final = 3_650
_NAME: Final = re.compile(NAME_PATTERN)
_NEVER_SEEN: Final = {"p384": "ES384", "p521": "ES512"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", type=_name, help=Text("name of the pair: a-z, then a-z, 0-9 and hyphens")
    )
    parser.add_argument(
        "--company", metavar="TEXT", type=_company, help=Text("name of the company, as the certificate is to have it")
    )
    parser.add_argument(
        "--enterprise-number",
        metavar="N",
        type=_enterprise_number,
        help=Text("enterprise number (KBO, BCE) in any spelling; its check digits are verified"),
    )
    parser.add_argument(
        "--type", choices=_TYPES, default=_TYPES[0], help=Text("kind of the key (default: %(default)s)")
    )
    parser.add_argument(
        "--days",
        metavar="DAYS",
        type=_days,
        default=730,
        help=Text("how long the certificate is valid (default: %(default)s)"),
    )
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        default=Path(),
        help=Text("where the files go (default: the working directory)"),
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the pair and print."""
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.keys.certificates.issue import new_pair  # noqa: PLC0415 - as above

    _complete(arguments)
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    pair = new_pair(arguments.type, arguments.company, arguments.enterprise_number, now, arguments.days)
    _write(arguments.directory, arguments.name, pair)
    _warn_of_others(arguments.directory / f"{arguments.name}.pfx")
    say(*_introduction(arguments, pair))
    return WELL


def _complete(arguments: argparse.Namespace) -> None:
    """Ask for what is missing, on a terminal.

    Raises:
        ConfigurationError: something is missing, and there is no terminal.
    """
    missing = [it for it in _QUESTIONS if getattr(arguments, it[0]) is None]
    if missing and not (sys.stdin and sys.stdin.isatty()):
        message = Message("argument-missing", "is missing, and there is no terminal to ask for it")
        raise ConfigurationError(tuple(Fault(name, message) for _, name, _, _ in missing))
    for name, _, question, judge in missing:
        setattr(arguments, name, _answer(question, judge))


def _answer(question: Text, judge: Callable[[str], str]) -> str:
    """Ask until the answer will do."""
    while True:
        print(shown(question), end=" ", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        try:
            return judge(line.strip())
        except argparse.ArgumentTypeError as error:
            complain(str(error))


def _write(directory: Path, name: str, pair: Pair) -> None:
    """Write the files.

    Raises:
        ConfigurationError: one of them exists, or they cannot be written.
    """
    from fla_gateway.keys.certificates.pair_files import FOR_CHAMAN, pair_files  # noqa: PLC0415 - as above
    from fla_gateway.keys.files.new_files import write_new  # noqa: PLC0415 - as above

    contents = pair_files(name, pair)
    try:
        write_new(directory, contents, (it for it in contents if it.parent == FOR_CHAMAN))
    except FileExistsError as error:
        path = error.filename2 or error.filename
        message = Message("pair-exists", "{path} exists, and nothing is overwritten", path=str(path))
        cure = Text("choose another name for the new pair, such as {name}-2", name=name)
    except OSError as error:
        message = Message(
            "pair-unwritable", "{path} cannot be written: {reason}", path=directory, reason=reason_of(error)
        )
        cure = Text("name another folder with --directory")
    else:
        return
    raise ConfigurationError((Fault("--directory", message, cure),))


def _warn_of_others(path: Path) -> None:
    """Say who else can get at the new files, because of the folder that they are in."""
    from fla_gateway.config.document.file_snapshot import FileSnapshot  # noqa: PLC0415 - as above
    from fla_gateway.keys.files.file_permissions import exposure  # noqa: PLC0415 - as above

    files = FileSnapshot()
    files.read(path)
    for warning in exposure(path, files.custody(path)):
        complain(Text("warning: {warning}", warning=warning.sentence))


def _introduction(arguments: argparse.Namespace, pair: Pair) -> Iterator[str]:
    """Say what was made, and what becomes of it."""
    from fla_gateway.keys.certificates.enterprise_number import shown as spelled  # noqa: PLC0415 - as above
    from fla_gateway.keys.certificates.pair_files import FOR_CHAMAN, proposed_name  # noqa: PLC0415 - as above

    directory, name = arguments.directory.absolute(), arguments.name
    proposed = proposed_name(name, pair.certificate)
    yield Text(
        "{company} ({number}), until {day}: key and certificate are in {directory}",
        company=arguments.company,
        number=spelled(arguments.enterprise_number),
        day=f"{pair.certificate.not_valid_after_utc:%Y-%m-%d}",
        directory=directory,
    )
    yield ""
    yield Text("Upload in ChaMan, in the web service account (Een certificaat toevoegen, Add a certificate):")
    yield f"  {directory / FOR_CHAMAN / proposed}.cer"
    yield Text("  Certificaatnaam: {name}", name=proposed)
    yield Text("This folder holds nothing secret; all other files stay on this machine.")
    yield ""
    yield Text("The configuration names the key so, and `key` or `next_key` of a profile names '{name}':", name=name)
    yield f"\n[keys.{name}]"
    yield f"pkcs12 = {_toml(directory / f'{name}.pfx')}"
    yield f"password_file = {_toml(directory / f'{name}.pass')}"
    if arguments.type in _NEVER_SEEN:
        yield Text(
            "\nnote: a key of this kind is allowed for upload; that the token server takes {algorithm} was never seen. "
            "Before it is needed, `fla-gateway token PROFILE` proves it.",
            algorithm=_NEVER_SEEN[arguments.type],
        )


def _toml(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False).replace("$", "$$")  # ${NAME} would be a variable


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(shown(Text("must be a-z, then a-z, 0-9 and hyphens, 32 characters at most")))
    return text


def _company(text: str) -> str:
    text = text.strip()
    if not text or not text.isprintable() or len(text.encode()) > _LONGEST_COMPANY:
        raise argparse.ArgumentTypeError(
            shown(
                Text(
                    "must be a name of 1 to {most} characters, as X.509 allows; a letter with an accent counts as two",
                    most=_LONGEST_COMPANY,
                )
            )
        )
    return text


def _enterprise_number(text: str) -> str:
    from fla_gateway.keys.certificates.enterprise_number import enterprise_number  # noqa: PLC0415 - as above

    try:
        return enterprise_number(text)
    except InvalidValueError as error:
        raise argparse.ArgumentTypeError(shown(error.message)) from None


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _LONGEST_DAYS:
        raise argparse.ArgumentTypeError(shown(Text("must be a number of days from 1 to {most}", most=_LONGEST_DAYS)))
    return int(text)


_QUESTIONS: Final = (
    ("name", "NAME", Text("Name of the pair (such as acme):"), _name),
    ("company", "--company", Text("Name of the company:"), _company),
    ("enterprise_number", "--enterprise-number", Text("Enterprise number (KBO, BCE):"), _enterprise_number),
)
"""Attribute, argument, question and judge of what is asked for."""
