"""`fla-gateway cert export`: the certificate of a file as the .cer that is uploaded in ChaMan.

Owns the arguments, where the new file goes, and what is printed. Refuses to write anything but a certificate.
"""

from __future__ import annotations

import argparse
import errno
import os
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Final

from fla_gateway.cli.exit_codes import WELL
from fla_gateway.cli.inspection.password import add_password, file_argument, opened
from fla_gateway.errors import ConfigurationError, Fault, reason_of
from fla_gateway.i18n.message import Message, Text

SUMMARY: Final = Text("write the certificate of a file as the .cer that is uploaded in ChaMan")
DESCRIPTION: Final = Text(
    """\
Write the certificate of a PKCS#12 or PEM file as a .cer file in DER, as the manual describes it for Key Store Explorer
(6.3.2): the one file that is uploaded in ChaMan. It holds nothing secret. Its name, unless --output gives another, has
year and month of the certificate's end, and is the proposed Certificaatnaam. Nothing is ever overwritten.

Exit code 0: written; 2: the file cannot be read, needs a password, or which certificate is meant is unclear; or the new
file exists or cannot be written.

examples:
  fla-gateway cert export acme.pfx --password-file acme.pass
  fla-gateway cert export acme.pem -o for-chaman/acme.cer
  fla-gateway cert export keystore.p12 --alias 1"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "file", metavar="FILE", type=file_argument, help=Text("the file with the certificate; - for standard input")
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path,
        help=Text("the new file, or a folder for it (default: a proposed name in the working directory)"),
    )  # fmt: skip
    add_password(parser)
    parser.add_argument("--alias", metavar="NAME", help=Text("the key of a PKCS#12 file whose certificate is meant"))


def run(arguments: argparse.Namespace) -> int:
    """Read, write and print."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - `--help` need not know

    from fla_gateway.cli.output.language import shown  # noqa: PLC0415 - as above
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above
    from fla_gateway.keys.certificate_fields import subject_of  # noqa: PLC0415 - as above
    from fla_gateway.keys.certificates.certificate import shown_name  # noqa: PLC0415 - as above
    from fla_gateway.keys.certificates.chaman_entry import dutch_date, name_for_chaman  # noqa: PLC0415 - as above
    from fla_gateway.keys.inspected_file import certificate_to_upload  # noqa: PLC0415 - as above

    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    file, alias = arguments.file, arguments.alias
    certificate = opened(arguments, lambda it: certificate_to_upload(file, now, password=it, alias=alias))
    name = name_for_chaman(file, certificate, alias or "")
    path = _place(arguments.output, name)
    _write(path, certificate.public_bytes(Encoding.DER))
    for line in (
        Text("{path}: the certificate of {subject}", path=path.absolute(), subject=shown_name(subject_of(certificate))),
        Text("Upload it in ChaMan, in the web service account (Een certificaat toevoegen, Add a certificate):"),
        Text("  Certificaatnaam: {name}", name=name),
        Text("  Vervaldatum:     {day}", day=dutch_date(certificate.not_valid_after_utc)),
        Text("It holds nothing secret."),
    ):
        print(shown(line))
    return WELL


def _place(output: Path | None, name: str) -> Path:
    if output is None:
        return Path(f"{name}.cer")
    # Path.is_dir raises where a name is too long.
    return output / f"{name}.cer" if os.path.isdir(output) else output  # noqa: PTH112 - see above


def _write(path: Path, der: bytes) -> None:
    """Write the file.

    Raises:
        ConfigurationError: it exists, or cannot be written.
    """
    from fla_gateway.keys.files.new_files import write_new  # noqa: PLC0415 - as above

    name = PurePath(path.name)
    try:
        if not os.path.lexists(path.parent):
            # None is made for a name that may be mistyped.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
        write_new(path.parent, {name: der}, [name])
    except FileExistsError:
        message = Message("export-exists", "{path} exists, and nothing is overwritten", path=path)
    except OSError as error:
        message = Message("export-unwritable", "{path} cannot be written: {reason}", path=path, reason=reason_of(error))
    else:
        return
    raise ConfigurationError((Fault("--output", message, Text("name another file with --output")),))
