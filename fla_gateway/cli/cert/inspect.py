"""`fla-gateway cert inspect`: what a file with a key or a certificate holds, and what ChaMan is likely to make of it.

Owns the arguments and the exit code. Refuses to judge (`keys.certificates.rule_report` does), and to print any part of
a private key.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.inspection.password import add_password, file_argument, opened
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("show what a key or certificate file holds, and which rules of the manual it keeps")
DESCRIPTION: Final = Text(
    """\
Show what a file holds, which rules of the manual (4.4.1) its key and its certificate keep, what the gateway and ChaMan
are likely to make of the others, thumbprints, aliases, and what ChaMan shows of the certificate, in its words. It reads
every kind of file that the gateway reads: PKCS#12, PEM, DER (.cer) and PKCS#7 (.p7b), damaged in the usual ways or not.
Of a file that it does not read it names the kind, and the command that converts it.

Nothing of a private key is printed, and nothing is sent. Of several keys each is shown; --alias chooses one.

Exit code 0: nothing found; 1: a rule does not hold, or the file is open to other users; 2: the file cannot be read, or
needs a password.

examples:
  fla-gateway cert inspect acme.cer
  fla-gateway cert inspect acme.pfx --password-file acme.pass
  fla-gateway cert inspect acme.key --certificate acme.cer
  fla-gateway cert inspect acme.cer --json | jq '.identities[].rules[] | select(.holds == false)'"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", metavar="FILE", type=file_argument, help=Text("the file; - for standard input"))
    parser.add_argument(
        "--certificate", metavar="FILE", type=Path, help=Text("another file, with the certificate of the key")
    )
    add_password(parser)
    parser.add_argument("--alias", metavar="NAME", help=Text("look at this key of a PKCS#12 file alone"))
    parser.add_argument("--json", action="store_true", help=Text("print everything as JSON"))


def run(arguments: argparse.Namespace) -> int:
    """Read, judge and print."""
    from fla_gateway.cli.inspection.inspection_json import document  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.cli.inspection.inspection_text import lines  # noqa: PLC0415 - as above
    from fla_gateway.cli.inspection.judged import judged  # noqa: PLC0415 - as above
    from fla_gateway.cli.output.language import shown  # noqa: PLC0415 - as above
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above
    from fla_gateway.keys.inspected_file import inspect_file  # noqa: PLC0415 - as above

    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    place, certificate, alias = arguments.file, arguments.certificate, arguments.alias
    file = opened(arguments, lambda it: inspect_file(place, now, certificate=certificate, password=it, alias=alias))
    found = judged(file, now)
    if arguments.json:
        print(json.dumps(document(found), indent=2))
    else:
        print("\n".join(map(shown, lines(found))))
    return WELL if found.is_well else FINDINGS
