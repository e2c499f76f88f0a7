"""What the commands share that put a question to the journal: the mask key, local times, what was not looked at.

Owns those answers. Refuses to know a question; each command has its own.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import JournalError, reason_of
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from collections.abc import Iterable

    from fla_gateway.journal.reader.accounts import Accounts


def add_local(parser: argparse.ArgumentParser) -> None:
    """Declare ``--local``."""
    parser.add_argument("--local", action="store_true", help=Text("times are local ones, those given and those shown"))


def masking_key_of(directory: Path) -> bytes:
    """Give the key of masks and of hashes of bodies.

    Raises:
        JournalError: it is not beside the journal, or cannot be read; what can be asked without it is said.
    """
    from fla_gateway.access.path_masking import KEY_BYTES  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.format.segment_name import MASK_KEY  # noqa: PLC0415 - as above

    path = directory / MASK_KEY
    cure = Text(
        "without it numbers and bodies cannot be looked for any more; by time, caller, --reference and --id "
        "`fla-gateway audit show` still answers"
    )
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        raise JournalError(Text("{file} is not beside the journal: {cure}", file=MASK_KEY, cure=cure)) from None
    except OSError as error:
        raise JournalError(Text("{path} cannot be read: {reason}", path=MASK_KEY, reason=reason_of(error))) from None
    if len(key) != KEY_BYTES:
        raise JournalError(
            Text("{file} does not have {number} bytes: {cure}", file=MASK_KEY, number=KEY_BYTES, cure=cure)
        )
    return key


def accounts_of(directory: Path) -> Accounts:
    """Read the accounts of the whole journal: that of an exchange may have been recorded long before it."""
    from fla_gateway.journal.format.line_format import ACCOUNT  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.accounts import Accounts  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.segments import segment_files, segment_reader  # noqa: PLC0415 - as above

    return Accounts(segment_reader.lines_of_kind(directory, segment_files.segments_of(directory), ACCOUNT))


def not_looked_at(directory: Path) -> str:
    """Say what of the journal is not there any more; empty text where it begins with its first record."""
    from fla_gateway.journal.format.hash_chain import FIRST_SEGMENT  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.segments import segment_files  # noqa: PLC0415 - as above

    segments = segment_files.segments_of(directory)
    if not segments or segments[0].number == FIRST_SEGMENT:
        return ""
    return Text(
        "not looked at: what was recorded before {day}; segments up to {number} are removed",
        day=segments[0].date.isoformat(),
        number=segments[0].number - 1,
    )


def say_what_was_not_looked_at(directory: Path, since: str = "") -> None:
    """Print it on standard error, unless the question begins later.

    Args:
        directory: of the journal.
        since: where the question begins, as the journal writes it; empty for the beginning.
    """
    from fla_gateway.journal.reader.segments import segment_files  # noqa: PLC0415 - `--help` need not know

    text = not_looked_at(directory)
    if text and since < segment_files.segments_of(directory)[0].date.isoformat():
        complain(text)


def write_new(path: Path, rows: Iterable[str]) -> None:
    """Make a file of mode 0600 and write rows into it; never over another one.

    Raises:
        JournalError: it exists, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise JournalError(Text("{path} exists already, and is not written over", path=path)) from None
    except OSError as error:
        raise JournalError(Text("{path} cannot be written: {reason}", path=path, reason=reason_of(error))) from None
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.writelines(row.encode() for row in rows)
    except OSError as error:
        raise JournalError(Text("{path} cannot be written: {reason}", path=path, reason=reason_of(error))) from None
