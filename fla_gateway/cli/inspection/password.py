"""The password of a file that a command looks into: the option, or a question on a terminal.

Owns both, and what is to be done about a file that no configuration names, where the reader would point into one.
Refuses to take a password as an argument: other users can read the arguments of a process.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from fla_gateway.cli.output.language import shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.secret import Secret

Opened = TypeVar("Opened")
_NAME_A_FILE: Final = Text("name a file with the password in --password-file")
_FILL: Final = Text("put the password into the file of --password-file")
_CURES: Final = {
    "password-missing": _NAME_A_FILE,
    "pkcs12-checksum-password-missing": _NAME_A_FILE,
    "password-empty": _FILL,
    "pkcs12-checksum-password-empty": _FILL,
    "key-file-not-found": Text("check the path"),
    "key-file-not-permitted": Text("run the command as a user that may read it, and enter the folders above it"),
    "pkcs12-alias-unknown": Text("name one of them in --alias"),
}
"""By code: the words of the command line, in the place of those of a configuration."""
_CURES_OF_TYPED: Final = {
    **_CURES,
    "password-wrong": Text("run the command again, and mind capitals and the layout of the keyboard"),
}


def file_argument(text: str) -> Path:
    """Read the name of a file; ``-`` is standard input."""
    return Path("/dev/stdin" if text == "-" else text)


def add_password(parser: argparse.ArgumentParser) -> None:
    """Declare ``--password-file FILE``."""
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        type=Path,
        help=Text("file with the password of the key (default: ask on a terminal, where one is needed)"),
    )


def _password_of(arguments: argparse.Namespace) -> Secret | None:
    """Read the file of the option, and print who else can get at it; None without the option.

    Raises:
        UnusableKeyError: it cannot be read.
    """
    from fla_gateway.config.document.file_snapshot import FileSnapshot  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.config.schema import KeySource  # noqa: PLC0415 - as above
    from fla_gateway.keys.files.key_file import read_password  # noqa: PLC0415 - as above

    if arguments.password_file is None:
        return None
    password, warnings = read_password(KeySource(password_file=arguments.password_file), {}, FileSnapshot())
    for warning in warnings:
        complain(Text("warning: --password-file: {warning}", warning=warning.sentence))
    return password


def opened(arguments: argparse.Namespace, read: Callable[[Secret | None], Opened]) -> Opened:
    """Read the file of the arguments, with a password where it needs one.

    Args:
        arguments: of a command with `add_password` and a FILE.
        read: reads it with a password, or without one.

    Raises:
        UnusableKeyError: it cannot be read, or needs a password that is not given.
    """
    from fla_gateway.errors import UnusableKeyError  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.keys.inspected_file import PASSWORD_MISSING  # noqa: PLC0415 - as above

    cures = _CURES
    try:
        password = _password_of(arguments)
        try:
            return read(password)
        except UnusableKeyError as error:
            if error.message.code not in PASSWORD_MISSING or (asked := _ask(arguments.file)) is None:
                raise
        cures = _CURES_OF_TYPED
        return read(asked)
    except UnusableKeyError as error:
        raise UnusableKeyError(error.message, cures.get(error.message.code, error.cure)) from None


def _ask(path: Path) -> Secret | None:
    """Ask for the password of a file, without showing what is typed; None where there is no terminal, or no answer."""
    import getpass  # noqa: PLC0415 - needed here alone

    from fla_gateway.secret import Secret  # noqa: PLC0415 - as above

    if not (sys.stdin and sys.stdin.isatty()):
        return None
    try:
        typed = getpass.getpass(shown(Text("Password of {path}: ", path=path)), stream=sys.stderr)
    except EOFError:
        print(file=sys.stderr)
        return None
    return Secret(typed) if typed else None
