"""`fla-gateway audit match`: the exchanges that carried the bytes of a file.

Owns the question. Refuses to compare contents: one byte more or less is another body.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.audit.listing import add_listing, list_selected
from fla_gateway.cli.options.journal_options import directory_of, selection_of
from fla_gateway.cli.options.journal_questions import masking_key_of
from fla_gateway.errors import JournalError, reason_of
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from typing import BinaryIO

SUMMARY: Final = Text("list the exchanges that carried the bytes of a file")
DESCRIPTION: Final = Text(
    """\
List the exchanges whose request body was exactly the bytes of FILE: was this one sent, when, and what came of it? The
journal has keyed hashes of bodies; the command makes that of FILE with the key beside the journal, `mask.key`, and
needs that file. What is equal but for a blank or a line break is another body.

Exit code 0: found; 1: not found, or something is missing from the journal. Bodies that did not arrive whole have no
hash, nor have those of versions before the hashes came.

examples:
  fla-gateway audit match declaration.json
  jq -c . declaration.json | tr -d '\\n' | fla-gateway audit match -"""
)

_PART: Final = 1_048_576


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", metavar="FILE", type=Path, help=Text("the body as it was sent; - for standard input"))
    add_listing(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the exchanges."""
    from fla_gateway.journal.reader.forms import text_table  # noqa: PLC0415 - `--help` need not know

    directory = directory_of(arguments)
    digits = _hash_of(arguments.file, masking_key_of(directory))
    selection = selection_of(arguments)._replace(body=digits)
    nothing = Text("no exchange of this journal is known to have carried these bytes")
    return list_selected(selection, text_table.EXCHANGES, nothing, directory, arguments)


def _hash_of(path: Path, key: bytes) -> str:
    try:
        if path == Path("-"):
            return _hashed(sys.stdin.buffer, key)
        with path.open("rb") as stream:
            return _hashed(stream, key)
    except OSError as error:
        reason = reason_of(error)
        raise JournalError(Text("{path} cannot be read: {reason}", path=path, reason=reason)) from None


def _hashed(stream: BinaryIO, key: bytes) -> str:
    from fla_gateway.journal.format.body_hash import BodyHasher  # noqa: PLC0415 - `--help` need not know

    body = BodyHasher(key).begin()
    while part := stream.read(_PART):
        body.update(part)
    digits = body.digits()
    if not digits:
        raise JournalError(Text("it is empty, and the journal has no hash of empty bodies"))
    return digits
