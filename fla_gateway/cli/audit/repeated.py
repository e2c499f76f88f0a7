"""How `audit show --repeated` reads a journal: once for all bodies, and again where one came more than once.

Owns the two readings. Refuses to compare exchanges; `journal.reader.repetitions` does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from fla_gateway.cli.options.journal_options import history_of
from fla_gateway.errors import reason_of
from fla_gateway.journal.reader.block_predicates import Bodies
from fla_gateway.journal.reader.segments.body_index import BodyIndex, no_room
from fla_gateway.journal.reader.segments.body_marks import BodyMarks

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.journal.reader.exchange_history import Exchange, History


def carried_again(directory: Path, since: str) -> tuple[History, Iterator[Exchange]]:
    """Read a journal; return what was found of it as a whole, and at least the exchanges of bodies that came again.

    Args:
        directory: of the journal.
        since: as the journal writes it; empty for all.

    Raises:
        JournalError: there is none, or there is no room for a temporary file.
    """
    marks = BodyMarks()
    try:
        hashes = TemporaryFile()  # noqa: SIM115 - closed below
    except OSError as error:
        raise no_room(reason_of(error)) from None
    with hashes:
        index = BodyIndex(marks, hashes)
        history = history_of(directory, since, index)
        deque(history, maxlen=0)
        # A line that is too long ends the blocks of its file.
        blocks = None if history.damaged else index.repetitive()
    again = history_of(directory, since, Bodies(marks) if blocks is None else blocks)
    return history, iter(again)
